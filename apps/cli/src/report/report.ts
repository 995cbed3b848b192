/** The report `report.html`: what a pipeline did and what came of it, in one file that needs nothing else. */
import { type Organ, organsOf } from '@organseg/core/organs.ts';
import { studentConfig } from '@organseg/train/config/resolve.ts';
import { html } from 'hono/html';
import { curves } from './curves.ts';
import type { Html, ReportInput } from './input.ts';
import { labellings } from './labellings.ts';
import { madeNow, pageHtml, RESEARCH_ALONE } from './page.ts';
import { pictures } from './pictures.ts';
import { pseudoLabels } from './pseudoLabels.ts';
import { caseTable, foldScores, organTable } from './scores.ts';
import { settings } from './settings.ts';
import { summary } from './words.ts';

export async function reportHtml(input: ReportInput): Promise<string> {
  const { title, folder, runs, manifest, outOfFold } = input;
  const [before, after] = [runs[0]!, runs.at(-1)!];
  const organs = organsOf(input.labelNames);
  const lead = summary(before.evaluation, after, manifest);
  const scored = before.evaluation.cases.length > 0;
  return pageHtml({
    title,
    made: html`${madeNow()} · <code>${folder}</code>`,
    lead: lead.join(' '),
    main: html`${scored ? await scores(organs, input) : ''}
${outOfFold ? html`<section><h2>Cross-validation</h2>${foldScores(outOfFold)}</section>` : ''}
${manifest ? html`<section><h2>Pseudo-labels</h2>${pseudoLabels(manifest, input.labelNames, input.truth)}</section>` : ''}
${labellings(runs)}
<section><h2>Training</h2>${runs.map((run) => curves(run, input.labelNames))}</section>
<section><h2>What was run</h2>${settings(input)}</section>
${scored ? html`<section><h2>How to read this</h2>${reading(organs, input)}</section>` : ''}`,
  });
}

const scores = async (organs: readonly Organ[], { runs, config }: ReportInput): Promise<Html> =>
  html`<section><h2>Organs</h2>${organTable(organs, runs)}</section>
<section><h2>Test cases</h2>${caseTable(organs, runs)}</section>
<section><h2>Pictures</h2>${await pictures(organs, runs.at(-1)!, config)}</section>`;

function reading(organs: readonly Organ[], { runs, config }: ReportInput): Html {
  const { rules, cases } = runs[0]!.evaluation;
  const last = studentConfig(config, config.rounds - 1);
  return html`<p><b>DSC</b> (Dice similarity coefficient) is the overlap of prediction and reference, from 0 (none) to 1
(the same voxels). <b>NSD</b> (normalised surface Dice) is the share of the two surfaces that lie within a tolerance
of each other: ${tolerances(organs)}. Both are computed by the rules <code>${rules}</code>. An organ that
reference and prediction both lack scores 1, one that only one of them has scores 0, and a mean counts every organ and
every case the same. A small organ that is there or not there can therefore move a mean by itself.
${rules === 'flare22' ? flare22(organs) : ''}</p>
<p><b>What a difference can say.</b> All models are scored on the same ${cases.length === 1 ? 'case' : 'cases'}, so
the difference, of the last and the first, is that of two models on these data. A few cases say little about other patients: another seed or
another choice of test cases alone may move a mean by some hundredths. A change that most cases and
most organs share is worth more than a large one in a single case. Here stands no interval and no test of
significance. ${runs[0]!.records.length ? STARTED[last.studentStart] : STARTED.scratch}; not all of a
difference need come from the pseudo-labels.</p>
${RESEARCH_ALONE}`;
}

const STARTED = {
  teacher: 'The last model also trained longer than the one before, whose checkpoint it started from',
  branch: 'The last model branched from the first on its way, and took as many steps as that in all',
  scratch: 'The last model started from random weights, with settings and a schedule of its own',
} as const;

function tolerances(organs: readonly Organ[]): string {
  const mm = organs.map(({ toleranceMm }) => toleranceMm);
  const [least, most] = [Math.min(...mm), Math.max(...mm)];
  return least === most ? `${least} mm` : `${least} to ${most} mm, depending on the organ`;
}

function flare22(organs: readonly Organ[]): string {
  const tubes = organs.filter(({ isTube }) => isTube).map(({ longName }) => longName);
  const cut = `${new Intl.ListFormat('en-GB').format(tubes)} ${tubes.length === 1 ? 'is' : 'are'} compared only on the
slices that the reference labels, without the last of them, and `;
  return `As in the challenge of that name, ${tubes.length ? cut : ''}an organ with a DSC below 0.2 has an NSD of 0.`;
}
