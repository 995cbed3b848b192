/** Twin of `ops/accumulateWindow.ts`, in place. */
import type { Reference } from './array.ts';

export function accumulateWindow(
  volume: Reference,
  logits: Reference,
  origin: readonly number[],
  weights: readonly (readonly number[])[],
): void {
  const [D, H, W, C] = volume.shape as [number, number, number, number];
  const [, depth, height, width] = logits.shape as [number, number, number, number];
  for (let d = 0; d < Math.min(depth, D - origin[0]!); d++)
    for (let h = 0; h < Math.min(height, H - origin[1]!); h++)
      for (let w = 0; w < Math.min(width, W - origin[2]!); w++)
        for (let c = 0; c < C; c++) {
          const at = (((origin[0]! + d) * H + origin[1]! + h) * W + origin[2]! + w) * C + c;
          const weight = weights[0]![d]! * weights[1]![h]! * weights[2]![w]!;
          volume.data[at]! += weight * logits.data[((d * height + h) * width + w) * C + c]!;
        }
}
