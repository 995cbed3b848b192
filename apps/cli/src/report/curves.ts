/** The report's section on training. */
import { progressSvg } from '@organseg/train/run/chart.ts';
import { html, raw } from 'hono/html';
import type { Html, ReportRun } from './input.ts';

/** The training curves of a run, under its name. */
export function curves({ name, records }: ReportRun, labelNames: readonly string[]): Html {
  if (records.length === 0) return html`<h3>${name}</h3><p class="quiet">No training log.</p>`;
  return html`<h3>${name}</h3>
<div class="wide chart" role="img" aria-label="loss, validation DSC and learning rate over the epochs, ${name}">
${raw(progressSvg(records, labelNames))}</div>`;
}
