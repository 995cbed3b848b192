/** The report's section on the labels that runs gave unlabelled scans themselves. */
import { plural } from '@organseg/core/words.ts';
import { html } from 'hono/html';
import type { Html, ReportRun } from './input.ts';
import { score } from './words.ts';

/** The section, a line for each labelling; none where no run labelled. */
export function labellings(runs: readonly ReportRun[]): Html | string {
  const made = runs.flatMap(({ name, records }) =>
    records.flatMap((record) => (record.event === 'labelling' ? [{ name, record }] : [])),
  );
  if (!made.length) return '';
  const isKnown = made.some(({ record }) => record.trueDsc !== undefined);
  return html`<section><h2>Labels of its own</h2>
<p>Copy-paste labels the unlabelled scans by the averaged weights and learns from these labels on.${
    isKnown ? ' The truth is known here, and training never learns from it.' : ''
  }</p>
<div class="wide"><table class="scores"><thead><tr><th>model<th>labelled behind epoch<th>step<th>scans${isKnown ? html`<th>true DSC` : ''}
<tbody>${made.map(
    ({ name, record: { epoch, step, cases, trueDsc } }) =>
      html`<tr><th>${name}<td>${epoch}<td>${step}<td>${plural(cases, 'scan')}${isKnown ? html`<td>${score(trueDsc ?? Number.NaN)}` : ''}`,
  )}
</table></div></section>`;
}
