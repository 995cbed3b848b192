/** Twin of `ops/confidence.ts`: (voxels, Σ max p, Σ entropy) of each class, [C, 3]; zero of the first. */
import type { Reference } from './array.ts';

export function confidence({ shape, data }: Reference, first = 0): number[] {
  const classes = shape.at(-1)!;
  const sums = new Array<number>(3 * classes).fill(0);
  for (let at = first * classes; at < data.length; at += classes) {
    const logits = data.subarray(at, at + classes);
    const exponentials = logits.map((z) => Math.exp(z));
    const total = exponentials.reduce((a, b) => a + b);
    const p = exponentials.map((e) => e / total);
    const label = logits.indexOf(Math.max(...logits));
    if (label === 0) continue;
    sums[3 * label]! += 1;
    sums[3 * label + 1]! += p[label]!;
    sums[3 * label + 2]! -= p.reduce((sum, share) => sum + share * Math.log(share), 0) / Math.log(classes);
  }
  return sums;
}
