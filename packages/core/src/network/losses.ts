/**
 * What a training step learns by: Dice + cross entropy of the labelled items, at every resolution that the network
 * puts out, and for the items behind them the distance to a teacher's predictions.
 */
import { coarseLabels } from '@organseg/kernels/ops/coarseLabels.ts';
import { consistency } from '@organseg/kernels/ops/consistency.ts';
import * as diceCrossEntropy from '@organseg/kernels/ops/diceCrossEntropy.ts';
import { fillZeroRange } from '@organseg/kernels/ops/fill.ts';
import { byteLength, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Slot } from './op.ts';
import type { Planner, Task } from './planner.ts';

export interface LossCall {
  /** [N, D, H, W, C] at the full resolution, then at lower ones. */
  readonly outputs: readonly Slot[];
  /** u8 [M, D, H, W, 1]: the first M ≤ N items are labelled. */
  readonly target: Slot;
  /** The weight of pseudo-labelled voxels; where it is given, the target's labels are coded (kernels/codedLabels.ts). */
  readonly pseudoWeight?: number | undefined;
  /** Given where outputs are regions: the labels of each. */
  readonly regions?: diceCrossEntropy.Regions | undefined;
  /** f32 [3]: of the full resolution's labelled items, their Dice part, their cross-entropy part. */
  readonly loss: Slot;
  /** f32 [1]: the mean squared difference of probabilities of the other items, without its weight. */
  readonly consistencyLoss: Slot;
  /** A teacher's logits of the items that are not labelled, of the activations' dtype. */
  readonly teacher: Tensor | undefined;
  readonly lossScale: number;
}

/** The weights of outputs in the loss, as nnU-Net's: half the weight at half the resolution, 1 in all. */
function outputWeights(count: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => 0.5 ** i);
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
}

/** The tasks of the loss, and what sets the factors of gradients for the runs to come. */
export function lossTasks(at: Planner, call: LossCall) {
  const { outputs, target, pseudoWeight, regions, loss, consistencyLoss, teacher } = call;
  const { gpu } = at;
  const labelled = target.shape[0]!;
  const scalers: ((scale: number, consistencyWeight: number) => void)[] = [];
  const tasks: Task[] = [];
  const weights = outputWeights(outputs.length);
  for (const [i, output] of outputs.entries()) {
    const [batch, depth, height, width, classes] = output.shape as [number, number, number, number, number];
    const own: Slot = i === 0 ? target : { shape: [labelled, depth, height, width, 1], dtype: 'u8' };
    const value: Slot = i === 0 ? loss : { shape: [3], dtype: 'f32' };
    const coefficients: Slot = { shape: [labelled, classes, 2], dtype: 'f32' };
    const gradient = at.gradientSlot(output);
    const items = () => ({
      logits: itemsOf(at.tensor(output), 0, labelled),
      target: at.tensor(own),
      pseudoWeight,
      regions,
    });
    if (i > 0) {
      tasks.push({
        layer: 'loss',
        pass: 'forward',
        uses: [target, own],
        build: () => ({
          launches: coarseLabels(gpu, { input: at.tensor(target), output: at.tensor(own) }),
          scratch: [],
        }),
      });
    }
    tasks.push(
      {
        layer: 'loss',
        pass: 'forward',
        uses: [output, own, coefficients, value],
        build: () =>
          diceCrossEntropy.forward(gpu, {
            ...items(),
            loss: at.tensor(value),
            coefficients: at.tensor(coefficients),
          }),
      },
      {
        layer: 'loss',
        pass: 'backward',
        uses: [output, own, coefficients, gradient],
        build: () => {
          const work = diceCrossEntropy.backward(gpu, {
            ...items(),
            coefficients: at.tensor(coefficients),
            dLogits: itemsOf(at.gradient(output)!.tensor, 0, labelled),
            scale: call.lossScale * weights[i]!,
          });
          scalers.push((scale) => work.setScale(scale * weights[i]!));
          return work;
        },
      },
    );
    if (batch > labelled && i > 0) {
      // No other task assigns these items' gradient, and they learn from the teacher at the full resolution alone.
      const itemElements = depth * height * width * classes;
      tasks.push({
        layer: 'loss',
        pass: 'backward',
        uses: [gradient],
        build: () => ({
          launches: fillZeroRange(
            gpu,
            at.tensor(gradient),
            labelled * itemElements,
            (batch - labelled) * itemElements,
          ),
          scratch: [],
        }),
      });
    }
    if (batch > labelled && teacher && i === 0) {
      tasks.push({
        layer: 'consistency',
        pass: 'backward',
        uses: [output, gradient, consistencyLoss],
        build: () => {
          const work = consistency(gpu, {
            logits: itemsOf(at.tensor(output), labelled, batch),
            teacher,
            loss: at.tensor(consistencyLoss),
            // Other items than those whose gradient the labelled items' loss assigns.
            dLogits: itemsOf(at.tensor(gradient), labelled, batch),
            weight: 0,
          });
          scalers.push((scale, weight) => work.setWeight(scale * weight));
          return work;
        },
      });
    }
  }
  return {
    tasks,
    setFactors: (lossScale: number, consistencyWeight: number) => {
      for (const set of scalers) set(lossScale, consistencyWeight);
    },
  };
}

/** Items [from, to) of a batch. Items begin at multiples of 256 bytes, as bindings must. */
function itemsOf(tensor: Tensor, from: number, to: number): Tensor {
  if (from === 0 && to === tensor.shape[0]) return tensor;
  const shape = tensor.shape.slice(1);
  const bytes = byteLength(shape, tensor.dtype);
  if (from > 0 && bytes % 256) {
    throw new Error(`losses: items of ${bytes} bytes in [${tensor.shape}] are no multiple of 256`);
  }
  return { ...tensor, shape: [to - from, ...shape], offsetBytes: tensor.offsetBytes + from * bytes };
}
