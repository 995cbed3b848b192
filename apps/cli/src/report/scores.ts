/** Tables of scores: the model of the labelled cases alone beside the students. */

import { meanScore, type Score } from '@organseg/core/metrics/score.ts';
import type { Organ } from '@organseg/core/organs.ts';
import { plural } from '@organseg/core/words.ts';
import { html } from 'hono/html';
import type { Evaluation } from '../evaluate/evaluateCases.ts';
import type { Html, ReportRun } from './input.ts';
import { swatch } from './swatch.ts';
import { change, score } from './words.ts';

/** The scores of the labelled cases, each by the model that has not seen it. */
export function foldScores({ cases, mean }: Evaluation): Html {
  return html`<p>Each labelled case is scored by the model of the fold that has not learnt from it: mean DSC ${score(mean.dsc)},
NSD ${score(mean.nsd)} over ${plural(cases.length, 'case')}.</p>
<details><summary>Cases</summary><table class="scores"><thead><tr><th rowspan="1">case<th>DSC<th>NSD
<tbody>${cases.map((scored) => html`<tr><th>${scored.case}<td>${score(scored.mean.dsc)}<td>${score(scored.mean.nsd)}`)}
</table></details>`;
}

interface Row {
  readonly head: Html | string;
  /** Scores by each model. */
  readonly scores: readonly Score[];
}

/** The table of organs: means over the cases. */
export function organTable(organs: readonly Organ[], runs: readonly ReportRun[]): Html {
  const rows = organs.map(({ name, longName, colour }): Row => {
    const mean = ({ evaluation }: ReportRun) =>
      meanScore(evaluation.cases.map((scored) => scored.organs[name]));
    return {
      head: html`<span class="organ">${swatch(colour)}${longName}</span>`,
      scores: runs.map(mean),
    };
  });
  return html`<p class="quiet">Means over ${plural(runs[0]!.evaluation.cases.length, 'case')}.</p>
${comparison('organ', rows, runs)}`;
}

/** The table of cases: means over the organs. */
export function caseTable(organs: readonly Organ[], runs: readonly ReportRun[]): Html {
  const means = runs.map(
    ({ evaluation }) => new Map(evaluation.cases.map((scored) => [scored.case, scored.mean])),
  );
  const missing = new Set(runs.flatMap(({ evaluation }) => evaluation.missing));
  const rows = runs[0]!.evaluation.cases.map(({ case: name }): Row => {
    const head = missing.has(name) ? html`${name} <small>(a prediction is missing: scored 0)</small>` : name;
    return { head, scores: means.map((mean) => mean.get(name)!) };
  });
  return html`<p class="quiet">Means over ${plural(organs.length, 'organ')}.</p>
${comparison('case', rows, runs)}`;
}

/** A table of DSC and NSD by each model, and the change from the first to the last. */
function comparison(heading: string, rows: readonly Row[], runs: readonly ReportRun[]): Html {
  const columns = html`${runs.map(({ name }) => html`<th>${name}`)}<th>change`;
  const mean = { head: 'mean', scores: runs.map(({ evaluation }) => evaluation.mean) };
  return html`<div class="wide"><table class="scores">
<thead>
<tr><th rowspan="2">${heading}<th colspan="${runs.length + 1}" class="group">DSC<th colspan="${runs.length + 1}" class="group">NSD
<tr>${columns}${columns}
<tbody>${rows.map(tableRow)}
<tfoot>${tableRow(mean)}
</table></div>`;
}

const tableRow = ({ head, scores }: Row): Html => html`
<tr><th>${head}${cells(scores.map(({ dsc }) => dsc))}${cells(scores.map(({ nsd }) => nsd))}`;

function cells(values: readonly number[]): Html {
  const text = change(values.at(-1)! - values[0]!);
  const kind = text.startsWith('+') ? 'rise' : text.startsWith('−') ? 'fall' : 'quiet';
  return html`${values.map((value) => html`<td>${score(value)}`)}<td class="${kind}">${text}`;
}
