/** Twin of `ops/diceCrossEntropy.ts`. */
import { classOf, weightOf } from '../codedLabels.ts';
import { type Reference, reference } from './array.ts';
import * as softmax from './softmax.ts';

const SMOOTH = 1e-5;

/** What a target says of a voxel: its class and weight. Targets are coded labels where `pseudoWeight` is given. */
function voxelsOf(target: ArrayLike<number>, pseudoWeight: number | undefined) {
  return Array.from(target, (label) =>
    pseudoWeight === undefined
      ? { truth: label, weight: 1 }
      : { truth: classOf(label), weight: weightOf(label, pseudoWeight) },
  );
}
type Voxels = ReturnType<typeof voxelsOf>;

/** The sums 2I + ε and U + ε of each (n, c). */
function overlaps(p: Reference, target: Voxels) {
  const [N, , , , C] = p.shape as [number, number, number, number, number];
  const voxels = target.length / N;
  const twice = new Float64Array(N * C).fill(SMOOTH);
  const union = new Float64Array(N * C).fill(SMOOTH);
  p.data.forEach((probability, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const { truth, weight } = target[voxel]!;
    const isTruth = truth === i % C ? 1 : 0;
    twice[nc]! += weight * 2 * probability * isTruth;
    union[nc]! += weight * (probability + isTruth);
  });
  return { twice, union, voxels };
}

/** The loss, its Dice part, its cross-entropy part. */
export function forward(
  logits: Reference,
  labels: ArrayLike<number>,
  pseudoWeight?: number,
): [number, number, number] {
  const target = voxelsOf(labels, pseudoWeight);
  const C = logits.shape[4]!;
  const p = softmax.forward(logits);
  const { twice, union } = overlaps(p, target);
  const dice = twice.reduce((sum, x, nc) => sum + 1 - x / union[nc]!, 0) / twice.length;
  let entropy = 0;
  for (const [v, { truth, weight }] of target.entries())
    if (weight) entropy -= (weight * Math.log(p.data[v * C + truth]!)) / target.length;
  return [dice + entropy, dice, entropy];
}

export function backward(
  logits: Reference,
  labels: ArrayLike<number>,
  scale: number,
  pseudoWeight?: number,
): Reference {
  const target = voxelsOf(labels, pseudoWeight);
  const C = logits.shape[4]!;
  const p = softmax.forward(logits);
  const { twice, union, voxels } = overlaps(p, target);
  const dP = reference(p.shape);
  dP.data.forEach((_, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const isTruth = target[voxel]!.truth === i % C ? 1 : 0;
    dP.data[i] = ((-2 * isTruth) / union[nc]! + twice[nc]! / union[nc]! ** 2) / twice.length;
  });
  const dLogits = softmax.backward(p, dP);
  dLogits.data.forEach((g, i) => {
    const { truth, weight } = target[Math.floor(i / C)]!;
    const isTruth = truth === i % C ? 1 : 0;
    dLogits.data[i] = scale * weight * (g + (p.data[i]! - isTruth) / target.length);
  });
  return dLogits;
}
