/** Twin of `ops/flip.ts`. */
import { type Reference, reference } from './array.ts';

export function flip(input: Reference, axes: readonly boolean[]): Reference {
  const [D, H, W] = input.shape as [number, number, number];
  const output = reference(input.shape);
  for (let d = 0; d < D; d++)
    for (let h = 0; h < H; h++)
      for (let w = 0; w < W; w++) {
        const [z, y, x] = [axes[0] ? D - 1 - d : d, axes[1] ? H - 1 - h : h, axes[2] ? W - 1 - w : w];
        output.data[(d * H + h) * W + w] = input.data[(z * H + y) * W + x]!;
      }
  return output;
}
