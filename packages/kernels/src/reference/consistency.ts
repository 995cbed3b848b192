/** Twin of `ops/consistency.ts`. */
import { type Reference, reference } from './array.ts';
import { forward as softmax } from './softmax.ts';

export function loss(logits: Reference, teacher: Reference): number {
  const [p, q] = [softmax(logits), softmax(teacher)];
  return p.data.reduce((sum, x, i) => sum + (x - q.data[i]!) ** 2, 0) / p.data.length;
}

export function gradient(logits: Reference, teacher: Reference, weight: number): Reference {
  const [p, q] = [softmax(logits).data, softmax(teacher).data];
  const classes = logits.shape.at(-1)!;
  return reference(
    logits.shape,
    p.map((x, i) => {
      const first = i - (i % classes);
      let mean = 0;
      for (let k = first; k < first + classes; k++) mean += p[k]! * (p[k]! - q[k]!);
      return ((2 * weight) / p.length) * x * (x - q[i]! - mean);
    }),
  );
}
