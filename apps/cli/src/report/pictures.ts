/** Pictures of the case that the second model segments best and of the one that it segments worst. */
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import type { Organ } from '@organseg/core/organs.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { readScanFile } from '@organseg/files/scanFile.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { html } from 'hono/html';
import { caseViews, DISAGREEMENTS, type View } from '../pictures/overlay.ts';
import type { Html, ReportCase, ReportRun } from './input.ts';
import { swatch } from './swatch.ts';
import { score } from './words.ts';

const COLUMNS = ['prediction', 'reference', 'difference'] as const;

/** The section of pictures. Throws InputError where a case's files do not lie on one grid. */
export async function pictures(
  organs: readonly Organ[],
  { name, evaluation, cases }: ReportRun,
  { channels }: Pick<Config, 'channels'>,
): Promise<Html> {
  const isCt = !channels || channels[0]!.scheme === 'CTNormalization';
  const files = new Map(cases.map((each) => [each.case, each]));
  const ranked = evaluation.cases
    .filter((scored) => files.has(scored.case) && !evaluation.missing.includes(scored.case))
    .sort((a, b) => b.mean.dsc - a.mean.dsc);
  if (ranked.length === 0) return html`<p class="quiet">No test case has a prediction.</p>`;
  const chosen = ranked.length === 1 ? ranked : [ranked[0], ranked[ranked.length - 1]];
  const figures: Html[] = [];
  for (const [i, scored] of chosen.entries()) {
    const rank = ranked.length === 1 ? 'the only test case' : i === 0 ? 'the highest DSC' : 'the lowest DSC';
    const heading = html`<h3>${scored.case} <small>${rank}: ${score(scored.mean.dsc)}, NSD ${score(scored.mean.nsd)}</small></h3>`;
    figures.push(html`${heading}${figure(await viewsOf(files.get(scored.case)!, isCt))}`);
  }
  return html`<p>Predictions of the model ${name}, in the slices that show most of the reference’s organs. ${isCt ? 'Abdominal\nwindow, −160 to 240 HU' : 'From percentile 0.5 to 99.5 of each scan’s first channel'}. Radiological view: the patient’s right (R) is on the left; A is front, P back, H head, F
feet.</p>
${legend(organs)}
${figures}`;
}

async function viewsOf(
  { image, reference, prediction, ignoreLabel }: ReportCase,
  isCt: boolean,
): Promise<View[]> {
  const [was, is] = [await readLabelsFile(reference), await readLabelsFile(prediction)];
  const judged = withoutIgnored({ reference: was.data, prediction: is.data }, ignoreLabel);
  return caseViews(
    await readScanFile(image),
    { ...was, data: judged.reference },
    { ...is, data: judged.prediction },
    isCt,
  );
}

const figure = (views: readonly View[]): Html => html`<figure class="slices">
${COLUMNS.map((column) => html`<b>${column}</b>`)}
${views.map((view) => COLUMNS.map((column) => picture(view, column)))}
</figure>`;

function picture(view: View, column: (typeof COLUMNS)[number]): Html {
  const { plane, slice, width, height } = view;
  const source = `data:image/png;base64,${Buffer.from(view[column]).toString('base64')}`;
  const edges = Object.entries(plane.edges).map(([edge, letter]) => html`<i class="${edge}">${letter}</i>`);
  const place = column === COLUMNS[0] ? html`<i class="place">${plane.name} ${slice + 1}</i>` : '';
  return html`<div><div class="slice">
<img src="${source}" width="${width}" height="${height}" alt="${column}, ${plane.name} slice ${slice + 1}">${edges}${place}</div></div>`;
}

const legend = (organs: readonly Organ[]): Html => html`<ul class="legend">
${organs.map(({ colour, longName }) => html`<li>${swatch(colour)}${longName}`)}
</ul>
<ul class="legend">
${Object.values(DISAGREEMENTS).map(({ colour, meaning }) => html`<li>${swatch(colour)}${meaning}`)}
</ul>`;
