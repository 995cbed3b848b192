/**
 * The order in which the windows of a volume are seen: layer by layer along D, in strips of columns where the whole width
 * does not fit, the middle of a layer first where the others may be left out.
 */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';

/** A window of a volume. */
export interface PlacedWindow {
  /** Its first voxel; below 0 where the volume is smaller than the patch. */
  readonly origin: Dhw;
  /** The places of its weights in the table of all axes' weights. */
  readonly weightsAt: Dhw;
}

/** The windows that begin at one plane. */
export interface WindowLayer {
  readonly windows: readonly PlacedWindow[];
  /** The number of planes of the image that they need, and that the next layer's windows need. */
  readonly needs: number;
  readonly nextNeeds: number;
  /** The number of planes of labels that are finished after them. */
  readonly finished: number;
}

/** All windows of a volume, air included. */
export interface WindowGrid {
  readonly size: Dhw;
  readonly patch: Dhw;
  /** The windows' first voxels along D, H and W. */
  readonly origins: readonly (readonly number[])[];
  /** The place where each axis's weights begin in the table. */
  readonly weightsAt: Dhw;
}

/** The windows that hold anything but air. */
export function windowLayers(
  { size, patch, origins, weightsAt }: WindowGrid,
  hasBody: (from: Dhw, to: Dhw) => boolean,
): WindowLayer[] {
  const [starts, rows, columns] = origins as [number[], number[], number[]];
  const needs = (start: number) => Math.min(size[0], start + patch[0]);
  return starts.map((z, i) => {
    const windows = rows.flatMap((y, j) =>
      columns.flatMap((x, k) => {
        const origin: Dhw = [z, y, x];
        const from = dhw((axis) => Math.max(0, origin[axis]!));
        const to = dhw((axis) => Math.min(size[axis]!, origin[axis]! + patch[axis]!));
        const at = dhw((axis) => weightsAt[axis]! + [i, j, k][axis]! * patch[axis]!);
        return hasBody(from, to) ? [{ origin, weightsAt: at }] : [];
      }),
    );
    const next = starts[i + 1];
    return {
      windows,
      needs: needs(z),
      nextNeeds: next === undefined ? size[0] : needs(next),
      finished: next ?? size[0],
    };
  });
}

/** Columns [left, right) of each strip. */
export const stripColumns = (width: number, strips: number): [number, number][] =>
  Array.from({ length: strips }, (_, i) => [
    Math.floor((width * i) / strips),
    Math.floor((width * (i + 1)) / strips),
  ]);

/** The strip that takes most memory: interpolation reads a column beyond each but the last. */
export function widest(columns: readonly [number, number][]): [number, number] {
  const reach = ([left, right]: readonly [number, number]) => Math.min(columns.at(-1)![1], right + 1) - left;
  return columns.reduce((a, b) => (reach(b) > reach(a) ? b : a));
}

/** The windows of a layer that touch a strip, or the column beyond it. */
export function inStrip(
  layer: WindowLayer,
  [left, right]: readonly [number, number],
  patchWidth: number,
): WindowLayer {
  const windows = layer.windows.filter(({ origin: [, , x] }) => x < right + 1 && x + patchWidth > left);
  return { ...layer, windows };
}

/** The windows of a layer, the one nearest to their middle first. */
export function middleFirst(windows: WindowLayer['windows']): WindowLayer['windows'] {
  const mean = (axis: number) => windows.reduce((sum, { origin }) => sum + origin[axis]!, 0) / windows.length;
  const [y, x] = [mean(1), mean(2)];
  const distance = ({ origin }: PlacedWindow) => Math.hypot(origin[1] - y, origin[2] - x);
  const middle = windows.reduce((a, b) => (distance(b) < distance(a) ? b : a), windows[0]!);
  return windows.length ? [middle, ...windows.filter((window) => window !== middle)] : windows;
}
