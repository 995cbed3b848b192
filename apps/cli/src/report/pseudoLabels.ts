/** The section on pseudo-labels: which cases were kept, why the others were not, and how good that choice was. */
import { plural } from '@organseg/core/words.ts';
import type { PseudoLabelCase, PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import { inWords } from '@organseg/train/pseudo/selection/select.ts';
import { SCORES, type ScoreName } from '@organseg/train/pseudo/selection/strategy.ts';
import { html } from 'hono/html';
import type { Html } from './input.ts';
import { rankCorrelation, scatter } from './scatter.ts';
import { change, score } from './words.ts';

/** The number of rows beyond which a table starts folded. */
const MAX_OPEN_ROWS = 40;

const SCORE_WORDS: Record<ScoreName, string> = {
  confidence: 'mean probability of the foreground',
  entropy: 'mean entropy of the foreground',
  instability: 'share of foreground that changes (instability)',
  voxels: 'voxels of the smallest organ',
};

/** The section. `truth` has the true mean DSC of the cases where it is known. */
export function pseudoLabels(
  { cases, selection }: PseudoLabelManifest,
  labelNames: readonly string[],
  truth: ReadonlyMap<string, number>,
): Html {
  const organs = labelNames.slice(1);
  const kept = cases.filter((labelled) => labelled.kept).length;
  const knows = (of: (labelled: PseudoLabelCase) => unknown) =>
    cases.some((labelled) => (of(labelled) ?? null) !== null);
  const columns: [string, (labelled: PseudoLabelCase) => number | null | undefined][] = [
    ['mean probability', ({ confidence }) => confidence],
    ['entropy', ({ entropy }) => entropy],
    ['instability', ({ instability }) => instability],
    ['true DSC', ({ case: name }) => truth.get(name)],
  ];
  const known = columns.filter(([, of]) => knows(of));
  return html`<p>${kept} of ${plural(cases.length, 'case')} kept by ${inWords(selection)}.</p>
${againstTruth(cases, truth)}
<details ${cases.length <= MAX_OPEN_ROWS ? 'open' : ''}><summary>Scores of each case, and voxels per organ</summary>
<div class="wide"><table class="voxels">
<thead><tr><th>case<th class="reason">${[...known.map(([name]) => name), ...organs].map((name) => html`<th class="upright"><span>${name}</span>`)}
<tbody>${cases.map(
    (labelled) => html`
<tr><th>${labelled.case}<td class="reason">${labelled.kept ? html`kept <small>${labelled.reason}</small>` : html`<b>left out</b> ${labelled.reason}`}${known.map(([, of]) => html`<td>${score(of(labelled) ?? Number.NaN)}`)}${organs.map((organ) => html`<td>${labelled.voxels[organ]}`)}`,
  )}
</table></div></details>`;
}

/** Plots of each score against the true DSC, which show whether choosing by it chooses well; none without truth. */
function againstTruth(cases: readonly PseudoLabelCase[], truth: ReadonlyMap<string, number>): Html | string {
  const known = cases.filter((labelled) => labelled.labelled && truth.has(labelled.case));
  if (known.length < 2) return '';
  const mean = (list: readonly PseudoLabelCase[]) =>
    list.reduce((sum, labelled) => sum + truth.get(labelled.case)!, 0) / list.length;
  const [kept, left] = [known.filter((each) => each.kept), known.filter((each) => !each.kept)];
  const figures = (Object.keys(SCORES) as ScoreName[]).flatMap((name) => {
    const scored = known.filter((each) => SCORES[name].of(each) !== null);
    if (scored.length < 2) return [];
    const points = scored.map((each) => ({
      name: each.case,
      x: SCORES[name].of(each)!,
      y: truth.get(each.case)!,
      filled: each.kept,
    }));
    const correlation = rankCorrelation(
      points.map(({ x }) => x),
      points.map(({ y }) => y),
    );
    return html`<figure>${scatter(points, SCORE_WORDS[name], 'true mean DSC')}
<figcaption>rank correlation ${Number.isNaN(correlation) ? 'none: all alike' : change(correlation)}</figcaption></figure>`;
  });
  return html`<p>The truth of ${plural(known.length, 'case')} is known (training never reads it): the labels’ mean DSC is ${score(mean(known))}${
    left.length ? html`, ${score(mean(kept))} of those kept and ${score(mean(left))} of those left out` : ''
  }. Filled: kept; hollow: left out.</p>
<div class="figures">${figures}</div>`;
}
