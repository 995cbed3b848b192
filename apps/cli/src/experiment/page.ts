/** The page of an experiment's results, in one file that needs nothing else. */

import type { BootstrapMean } from '@organseg/core/metrics/bootstrap.ts';
import type { Score } from '@organseg/core/metrics/score.ts';
import type { Organ } from '@organseg/core/organs.ts';
import { plural } from '@organseg/core/words.ts';
import { html } from 'hono/html';
import type { Html } from '../report/input.ts';
import { pageHtml } from '../report/page.ts';
import { swatch } from '../report/swatch.ts';
import { points, score } from '../report/words.ts';
import type { Design } from './design.ts';
import { gains } from './gains.ts';
import { intervals } from './intervals.ts';
import { labelQuality } from './labelQuality.ts';
import type { ArmResult } from './results.ts';
import type { Source } from './source.ts';

export interface ExperimentPage {
  readonly design: Design;
  readonly source: Source;
  /** The path of the teacher, where it is a model from elsewhere. */
  readonly teacher: string | undefined;
  readonly results: readonly ArmResult[];
  readonly out: string;
  readonly commit: string | null;
  readonly adapter: string;
  readonly date: string;
}

/** The whole page. */
export async function experimentHtml(input: ExperimentPage): Promise<string> {
  const { design, source, teacher, results, out, commit, adapter, date } = input;
  const cohorts = Map.groupBy(results, ({ labelled }) => labelled);
  return pageHtml({
    title: design.title,
    made: html`${date} · <code>${out}</code> · ${adapter}${commit ? html` · commit ${commit}` : ''}`,
    lead: design.about,
    main: html`${[...cohorts].map(([labelled, own]) => cohort(design.baseline, source, labelled, own))}
<section><h2>Arms</h2><table><tbody>${design.arms.map(({ name, about }) => html`<tr><th>${name}<td>${about}`)}</table></section>
<section><h2>How to read this</h2>${reading(design, source, teacher)}</section>
<section><h2>The design</h2><details><summary>Every setting</summary><pre>${JSON.stringify(design, null, 2)}</pre></details></section>`,
  });
}

function cohort(
  baseline: string,
  { organs, unlabelled, test }: Source,
  labelled: number,
  results: readonly ArmResult[],
): Html {
  const figure = differences(baseline, results);
  return html`<section><h2>${labelled} labelled, ${unlabelled} unlabelled, ${plural(test, 'test case')}</h2>
<div class="wide"><table class="scores">
<thead><tr><th rowspan="1">arm<th>DSC<th>NSD<th>DSC over “${baseline}”<th>NSD over it<th>DSC of each seed<th>steps<th>s a case<th>GPU MB
<tbody>${results.map(row)}
</table></div>
${figure ? html`<div class="figures"><figure>${figure}<figcaption>Bars: 95 % over cases; dots: each seed.</figcaption></figure></div>` : ''}
${gains(baseline, organs, results)}
${labelQuality(results)}
<h3>Scores of each organ</h3>
${(['dsc', 'nsd'] as const).map((measure) => organTable(organs, measure, results))}</section>`;
}

const organTable = (
  organs: readonly Organ[],
  measure: keyof Score,
  results: readonly ArmResult[],
): Html => html`
<details><summary>${measure.toUpperCase()} of each organ</summary><div class="wide"><table class="scores">
<thead><tr><th rowspan="1">organ${results.map(({ arm }) => html`<th>${arm}`)}
<tbody>${organs.map(
  ({ name, longName, colour }) => html`
<tr><th><span class="organ">${swatch(colour)}${longName}</span>${results.map((arm) => html`<td>${score(arm.organs[name]?.[measure] ?? Number.NaN)}`)}`,
)}
</table></div></details>`;

/** A cohort's differences to the baseline as SVG; undefined where there are none yet. */
export function differences(baseline: string, results: readonly ArmResult[]): Html | undefined {
  const compared = results.flatMap(({ arm, difference, seedDifferences }) =>
    difference ? [{ name: arm, ...difference.dsc, points: seedDifferences }] : [],
  );
  return compared.length ? intervals(compared, `DSC points over “${baseline}”`) : undefined;
}

function row(result: ArmResult): Html {
  const { arm, mean, difference, seedDsc } = result;
  return html`
<tr><th>${arm}<td>${score(mean.dsc)}<td>${score(mean.nsd)}${change(difference?.dsc)}${change(difference?.nsd)}<td>${seedDsc.map(score).join(' ')}<td>${result.steps}<td>${result.predictionSeconds.toFixed(2)}<td>${(result.predictionGpuBytes / 1e6).toFixed(0)}`;
}

/** The cell of a difference in points of a hundred; green or red where the interval leaves out 0. */
function change(difference: BootstrapMean | undefined): Html {
  if (!difference) return html`<td class="quiet">–`;
  const { mean, low, high } = difference;
  const kind = low > 0 ? 'rise' : high < 0 ? 'fall' : 'quiet';
  const interval = Number.isNaN(low) ? '' : html` <small>[${points(low)}, ${points(high)}]</small>`;
  return html`<td class="${kind} whole">${points(mean)}${interval}`;
}

const reading = (
  { seeds, phantom, baseline }: Design,
  { test }: Source,
  teacher: string | undefined,
): Html => html`<p>All arms of a seed are scored on the same
${plural(test, 'test case')} by FLARE22's rules, and start from the same teacher where they start from one. A difference
to “${baseline}” is taken case by case, as the mean over ${plural(seeds.length, 'seed')}; its interval is the bootstrap's over
cases (10,000 resamples) and tells how other patients of this kind might come out; of one case there is none. How another training might come
out is told by the spread over seeds, which the interval does not hold. “Steps” are the optimiser's until the weights
that are scored, those of the teacher that an arm starts from included. What an arm gains in an organ is averaged over
cases and seeds, in a case over organs and seeds.</p>
${teacher === undefined ? '' : html`<p>The teacher is a model that was trained elsewhere, <code>${teacher}</code>, the same for all seeds; the steps that made it are not counted.</p>`}
${phantom ? html`<p>The scans are phantoms: what holds here is how methods compare under these conditions, not a score on patients.</p>` : ''}`;
