/** Twin of `ops/diceCrossEntropy.ts`. */
import { type Reference, reference } from './array.ts';
import * as softmax from './softmax.ts';

const SMOOTH = 1e-5;

/** The sums 2I + ε and U + ε of each (n, c). */
function overlaps(p: Reference, target: ArrayLike<number>) {
  const [N, , , , C] = p.shape as [number, number, number, number, number];
  const voxels = target.length / N;
  const twice = new Float64Array(N * C).fill(SMOOTH);
  const union = new Float64Array(N * C).fill(SMOOTH);
  p.data.forEach((probability, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const truth = target[voxel] === i % C ? 1 : 0;
    twice[nc]! += 2 * probability * truth;
    union[nc]! += probability + truth;
  });
  return { twice, union, voxels };
}

/** The loss, its Dice part, its cross-entropy part. */
export function forward(logits: Reference, target: ArrayLike<number>): [number, number, number] {
  const C = logits.shape[4]!;
  const p = softmax.forward(logits);
  const { twice, union } = overlaps(p, target);
  const dice = twice.reduce((sum, x, nc) => sum + 1 - x / union[nc]!, 0) / twice.length;
  let entropy = 0;
  for (let v = 0; v < target.length; v++) entropy -= Math.log(p.data[v * C + target[v]!]!) / target.length;
  return [dice + entropy, dice, entropy];
}

export function backward(logits: Reference, target: ArrayLike<number>, scale: number): Reference {
  const C = logits.shape[4]!;
  const p = softmax.forward(logits);
  const { twice, union, voxels } = overlaps(p, target);
  const dP = reference(p.shape);
  dP.data.forEach((_, i) => {
    const voxel = Math.floor(i / C);
    const nc = Math.floor(voxel / voxels) * C + (i % C);
    const truth = target[voxel] === i % C ? 1 : 0;
    dP.data[i] = ((-2 * truth) / union[nc]! + twice[nc]! / union[nc]! ** 2) / twice.length;
  });
  const dLogits = softmax.backward(p, dP);
  dLogits.data.forEach((g, i) => {
    const truth = target[Math.floor(i / C)] === i % C ? 1 : 0;
    dLogits.data[i] = scale * (g + (p.data[i]! - truth) / target.length);
  });
  return dLogits;
}
