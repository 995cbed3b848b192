/** The colours that a label map is drawn in. */
import type { ShownOrgan } from '../protocol.ts';

/** Red, green, blue and opacity by label, 0 to 255, with its name, as NiiVue takes them. */
export interface LabelColours {
  readonly R: number[];
  readonly G: number[];
  readonly B: number[];
  readonly A: number[];
  readonly I: number[];
  readonly labels: string[];
}

/**
 * The colours where the organs of some labels are switched off. A voxel of regions has the colour of the smallest one
 * that is shown, its own before others, so that a region which is shown alone is seen whole.
 */
export function labelColours(organs: readonly ShownOrgan[], hidden: ReadonlySet<number>): LabelColours {
  const idsOf = ({ label, region }: ShownOrgan) => region?.ids ?? [label];
  const count = Math.max(0, ...organs.map(({ label }) => label)) + 1;
  const shown = organs
    .filter(({ label }) => !hidden.has(label))
    .sort((a, b) => idsOf(a).length - idsOf(b).length);
  const labels = Array.from({ length: count }, (_, id) => id);
  const drawn = labels.map(
    (id) => shown.find(({ label }) => label === id) ?? shown.find((organ) => idsOf(organ).includes(id)),
  );
  const channel = (of: 0 | 1 | 2) => drawn.map((organ) => organ?.colour[of] ?? 0);
  return {
    R: channel(0),
    G: channel(1),
    B: channel(2),
    A: drawn.map((organ) => (organ ? 255 : 0)),
    I: labels,
    labels: labels.map((id) => organs.find(({ label }) => label === id)?.name ?? ''),
  };
}
