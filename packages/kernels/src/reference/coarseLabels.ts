/** Twin of `ops/coarseLabels.ts`. */
import { type Reference, reference } from './array.ts';

export function coarseLabels({ shape, data }: Reference, to: readonly number[]): Reference {
  const output = reference(to);
  const [N, D, H, W] = to as [number, number, number, number];
  const [sd, sh, sw] = [1, 2, 3].map((axis) => shape[axis]! / to[axis]!) as [number, number, number];
  let i = 0;
  for (let n = 0; n < N; n++)
    for (let d = 0; d < D; d++)
      for (let h = 0; h < H; h++)
        for (let w = 0; w < W; w++) {
          const at = [d * sd + Math.floor(sd / 2), h * sh + Math.floor(sh / 2), w * sw + Math.floor(sw / 2)];
          output.data[i++] = data[((n * shape[1]! + at[0]!) * shape[2]! + at[1]!) * shape[3]! + at[2]!]!;
        }
  return output;
}
