/** Twin of `ops/argmax.ts`. */
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import type { Reference } from './array.ts';
import * as softmax from './softmax.ts';

/** `regions` are the labels of channels that are regions. */
export function argmax({ shape, data }: Reference, regions?: readonly number[]): number[] {
  const classes = shape.at(-1)!;
  return Array.from({ length: data.length / classes }, (_, v) => {
    const values = Array.from(data.subarray(v * classes, (v + 1) * classes));
    if (regions) return regions[values.findLastIndex((value) => value > 0)] ?? 0;
    return values.indexOf(Math.max(...values));
  });
}

/** Pseudo-labels, given the least probability that counts for each label. */
export function pseudoLabels(logits: Reference, least: readonly number[]): number[] {
  const p = softmax.forward(logits).data;
  const classes = logits.shape.at(-1)!;
  return argmax(logits).map((label, v) => {
    const isSeen = logits.data.subarray(v * classes, (v + 1) * classes).some((z) => z !== 0);
    return isSeen && p[v * classes + label]! < least[label]! ? IGNORED : label | PSEUDO;
  });
}
