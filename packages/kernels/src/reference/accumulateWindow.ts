/** Twin of `ops/accumulateWindow.ts`, in place, for one window [d, h, w, C] and the whole volume [D, H, W, C]. */
import type { Reference } from './array.ts';

export function accumulateWindow(
  volume: Reference,
  logits: Reference,
  origin: readonly number[],
  weights: readonly (readonly number[])[],
  mirrored: readonly boolean[],
): void {
  const [D, H, W, C] = volume.shape as [number, number, number, number];
  const size = logits.shape as unknown as [number, number, number, number];
  const seen = (index: number, axis: number) => (mirrored[axis] ? size[axis]! - 1 - index : index);
  for (let z = Math.max(0, origin[0]!); z < Math.min(D, origin[0]! + size[0]); z++)
    for (let y = Math.max(0, origin[1]!); y < Math.min(H, origin[1]! + size[1]); y++)
      for (let x = Math.max(0, origin[2]!); x < Math.min(W, origin[2]! + size[2]); x++) {
        const [d, h, w] = [z - origin[0]!, y - origin[1]!, x - origin[2]!];
        const weight = weights[0]![d]! * weights[1]![h]! * weights[2]![w]!;
        const from = ((seen(d, 0) * size[1] + seen(h, 1)) * size[2] + seen(w, 2)) * C;
        for (let c = 0; c < C; c++)
          volume.data[((z * H + y) * W + x) * C + c]! += weight * logits.data[from + c]!;
      }
}
