/** Which unlabelled cases were kept, and why the others were not. */
import { keepingRule, type PseudoLabelCase, type PseudoLabelManifest } from '@organseg/train/manifest.ts';
import { html } from 'hono/html';
import type { Html } from './input.ts';
import { plural } from './words.ts';

/** A longer table starts folded. */
const MAX_OPEN_ROWS = 40;

export function pseudoLabels({ cases, minVoxels }: PseudoLabelManifest, labelNames: readonly string[]): Html {
  const organs = labelNames.slice(1);
  const kept = cases.filter((labelled) => labelled.kept).length;
  return html`<p>${kept} of ${plural(cases.length, 'case')} kept: ${keepingRule(minVoxels)}. ${shortest(cases, organs, minVoxels)}</p>
<details ${cases.length <= MAX_OPEN_ROWS ? 'open' : ''}><summary>Voxels per organ</summary>
<div class="wide"><table class="voxels">
<thead><tr><th>case<th class="reason">${organs.map((organ) => html`<th class="upright"><span>${organ}</span>`)}
<tbody>${cases.map((labelled) => row(labelled, organs, minVoxels))}
</table></div></details>`;
}

function row(
  { case: name, kept, reason, voxels }: PseudoLabelCase,
  organs: readonly string[],
  minVoxels: number,
) {
  const count = (organ: string) =>
    html`<td${voxels[organ] < minVoxels ? html` class="short"` : ''}>${voxels[organ]}`;
  return html`
<tr><th>${name}<td class="reason">${kept ? 'kept' : html`<b>left out</b> ${reason}`}${organs.map(count)}`;
}

/** The organs that most often had too few voxels. */
function shortest(cases: readonly PseudoLabelCase[], organs: readonly string[], minVoxels: number): string {
  const counts = organs
    .map((organ) => ({ organ, count: cases.filter(({ voxels }) => voxels[organ] < minVoxels).length }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 3);
  if (counts.length === 0) return '';
  return `Most often too small: ${counts.map(({ organ, count }) => `${organ} (${plural(count, 'case')})`).join(', ')}.`;
}
