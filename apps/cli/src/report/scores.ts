/** Tables of scores: the model of the labelled cases alone beside the last student. */

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
  readonly before: Score;
  readonly after: Score;
}

/** The table of organs: means over the cases. */
export function organTable(organs: readonly Organ[], before: ReportRun, after: ReportRun): Html {
  const rows = organs.map(({ name, longName, colour }): Row => {
    const mean = ({ evaluation }: ReportRun) =>
      meanScore(evaluation.cases.map((scored) => scored.organs[name]));
    return {
      head: html`<span class="organ">${swatch(colour)}${longName}</span>`,
      before: mean(before),
      after: mean(after),
    };
  });
  return html`<p class="quiet">Means over ${plural(before.evaluation.cases.length, 'case')}.</p>
${comparison('organ', rows, before, after)}`;
}

/** The table of cases: means over the organs. */
export function caseTable(organs: readonly Organ[], before: ReportRun, after: ReportRun): Html {
  const later = new Map(after.evaluation.cases.map((scored) => [scored.case, scored.mean]));
  const missing = new Set([...before.evaluation.missing, ...after.evaluation.missing]);
  const rows = before.evaluation.cases.map(({ case: name, mean }): Row => {
    const head = missing.has(name) ? html`${name} <small>(a prediction is missing: scored 0)</small>` : name;
    return { head, before: mean, after: later.get(name)! };
  });
  return html`<p class="quiet">Means over ${plural(organs.length, 'organ')}.</p>
${comparison('case', rows, before, after)}`;
}

function comparison(heading: string, rows: readonly Row[], before: ReportRun, after: ReportRun): Html {
  const columns = html`<th>${before.name}<th>${after.name}<th>change`;
  const mean = { head: 'mean', before: before.evaluation.mean, after: after.evaluation.mean };
  return html`<div class="wide"><table class="scores">
<thead>
<tr><th rowspan="2">${heading}<th colspan="3" class="group">DSC<th colspan="3" class="group">NSD
<tr>${columns}${columns}
<tbody>${rows.map(tableRow)}
<tfoot>${tableRow(mean)}
</table></div>`;
}

const tableRow = ({ head, before, after }: Row): Html => html`
<tr><th>${head}${cells(before.dsc, after.dsc)}${cells(before.nsd, after.nsd)}`;

function cells(before: number, after: number): Html {
  const text = change(after - before);
  const kind = text.startsWith('+') ? 'rise' : text.startsWith('−') ? 'fall' : 'quiet';
  return html`<td>${score(before)}<td>${score(after)}<td class="${kind}">${text}`;
}
