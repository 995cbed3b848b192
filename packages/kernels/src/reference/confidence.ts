/** Twin of `ops/confidence.ts`: (voxels, Σ max p, Σ entropy) over the foreground. */
import type { Reference } from './array.ts';

export function confidence({ shape, data }: Reference, first = 0): [number, number, number] {
  const classes = shape.at(-1)!;
  const sums: [number, number, number] = [0, 0, 0];
  for (let at = first * classes; at < data.length; at += classes) {
    const logits = data.subarray(at, at + classes);
    const exponentials = logits.map((z) => Math.exp(z));
    const total = exponentials.reduce((a, b) => a + b);
    const p = exponentials.map((e) => e / total);
    if (logits[0]! >= Math.max(...logits)) continue;
    sums[0]++;
    sums[1] += Math.max(...p);
    sums[2] -= p.reduce((sum, share) => sum + share * Math.log(share), 0) / Math.log(classes);
  }
  return sums;
}
