/** Twin of `ops/diceCrossEntropy.ts`. */
import { classOf, weightOf } from '../codedLabels.ts';
import type { Regions } from '../ops/diceCrossEntropy.ts';
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

/** Whether a voxel of a class is in a channel: the class itself, or a region that holds it. */
type IsTruth = (truth: number, channel: number) => boolean;
const truthOf =
  (regions: Regions | undefined): IsTruth =>
  (truth, channel) =>
    regions ? regions[channel]!.includes(truth) : truth === channel;

const sigmoid = ({ shape, data }: Reference): Reference =>
  reference(
    shape,
    data.map((z) => 1 / (1 + Math.exp(-z))),
  );

/** log(1 + exp(x)) */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** The sums 2I + ε and U + ε of each (n, c). */
function overlaps(p: Reference, target: Voxels, isIn: IsTruth) {
  const [N, , , , C] = p.shape as [number, number, number, number, number];
  const voxels = target.length / N;
  const twice = new Float64Array(N * C).fill(SMOOTH);
  const union = new Float64Array(N * C).fill(SMOOTH);
  p.data.forEach((probability, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const { truth, weight } = target[voxel]!;
    const isTruth = isIn(truth, i % C) ? 1 : 0;
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
  regions?: Regions,
): [number, number, number] {
  const target = voxelsOf(labels, pseudoWeight);
  const C = logits.shape[4]!;
  const isIn = truthOf(regions);
  const p = regions ? sigmoid(logits) : softmax.forward(logits);
  const { twice, union } = overlaps(p, target, isIn);
  const dice = twice.reduce((sum, x, nc) => sum + 1 - x / union[nc]!, 0) / twice.length;
  const logOf = (v: number, truth: number) => {
    if (!regions) return Math.log(p.data[v * C + truth]!);
    const logs = regions.map((_, c) => {
      const z = logits.data[v * C + c]!;
      return (isIn(truth, c) ? z : 0) - softplus(z);
    });
    return logs.reduce((a, b) => a + b) / C;
  };
  let entropy = 0;
  for (const [v, { truth, weight }] of target.entries())
    if (weight) entropy -= (weight * logOf(v, truth)) / target.length;
  return [dice + entropy, dice, entropy];
}

export function backward(
  logits: Reference,
  labels: ArrayLike<number>,
  scale: number,
  pseudoWeight?: number,
  regions?: Regions,
): Reference {
  const target = voxelsOf(labels, pseudoWeight);
  const C = logits.shape[4]!;
  const isIn = truthOf(regions);
  const p = regions ? sigmoid(logits) : softmax.forward(logits);
  const { twice, union, voxels } = overlaps(p, target, isIn);
  const dP = reference(p.shape);
  dP.data.forEach((_, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const isTruth = isIn(target[voxel]!.truth, i % C) ? 1 : 0;
    dP.data[i] = ((-2 * isTruth) / union[nc]! + twice[nc]! / union[nc]! ** 2) / twice.length;
  });
  const dLogits = regions
    ? reference(
        p.shape,
        dP.data.map((g, i) => p.data[i]! * (1 - p.data[i]!) * g),
      )
    : softmax.backward(p, dP);
  const terms = target.length * (regions ? C : 1);
  dLogits.data.forEach((g, i) => {
    const { truth, weight } = target[Math.floor(i / C)]!;
    const isTruth = isIn(truth, i % C) ? 1 : 0;
    dLogits.data[i] = scale * weight * (g + (p.data[i]! - isTruth) / terms);
  });
  return dLogits;
}
