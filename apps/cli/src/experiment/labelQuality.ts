/** The table of what the pseudo-labels that arms learn from are worth by the truth, labelling by labelling. */
import { html } from 'hono/html';
import type { Html } from '../report/input.ts';
import { score } from '../report/words.ts';
import type { ArmResult } from './results.ts';

/** The table of a cohort; nothing where no arm has such labels. */
export function labelQuality(results: readonly ArmResult[]): Html | '' {
  const own = results.filter(({ pseudoLabels, labellings }) => pseudoLabels || labellings.length);
  if (!own.length) return '';
  const most = Math.max(...own.map(({ labellings }) => labellings.length));
  const rounds = Array.from({ length: most }, (_, i) => i);
  return html`<h3>True DSC of the labels that unlabelled scans were learnt with</h3>
<div class="wide"><table class="scores">
<thead><tr><th rowspan="1">arm<th>given ones kept<th>their DSC<th>DSC of the others${rounds.map((i) => html`<th>own labelling ${i + 1}`)}
<tbody>${own.map(
    ({ arm, pseudoLabels: given, labellings }) => html`
<tr><th>${arm}${given ? html`<td>${round(given.kept)} of ${round(given.of)}<td>${score(given.keptDsc)}<td>${score(given.leftOutDsc)}` : html`<td>–<td>–<td>–`}${rounds.map((i) => labelling(labellings[i]))}`,
  )}
</table></div>`;
}

const labelling = (of: ArmResult['labellings'][number] | undefined): Html =>
  of ? html`<td class="whole">${score(of.dsc)} <small>step ${of.step}</small>` : html`<td>–`;

const round = (value: number) => Number(value.toFixed(1));
