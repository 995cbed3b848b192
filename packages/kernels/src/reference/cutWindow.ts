/** Twin of `ops/cutWindow.ts`: one window [d, h, w] of the whole volume [D, H, W]. */
import type { Dhw } from '../axes.ts';
import { type Reference, reference } from './array.ts';

export function cutWindow(
  volume: Reference,
  shape: Dhw,
  origin: readonly number[],
  mirrored: readonly boolean[],
): Reference {
  const [D, H, W] = volume.shape as [number, number, number];
  const out = reference(shape);
  for (let i = 0; i < out.data.length; i++) {
    const at = [Math.floor(i / (shape[1] * shape[2])), Math.floor(i / shape[2]) % shape[1], i % shape[2]];
    const [z, y, x] = at.map(
      (index, axis) => origin[axis]! + (mirrored[axis] ? shape[axis]! - 1 - index : index),
    ) as [number, number, number];
    const isInside = z >= 0 && z < D && y >= 0 && y < H && x >= 0 && x < W;
    out.data[i] = isInside ? volume.data[(z * H + y) * W + x]! : 0;
  }
  return out;
}
