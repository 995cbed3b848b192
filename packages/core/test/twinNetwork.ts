/** The whole network in float64: logits, loss, gradients and Adam losses, as a reference file holds them. */
import * as adam from '@organseg/kernels/reference/adam.ts';
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import { coarseLabels } from '@organseg/kernels/reference/coarseLabels.ts';
import * as consistency from '@organseg/kernels/reference/consistency.ts';
import * as diceCrossEntropy from '@organseg/kernels/reference/diceCrossEntropy.ts';
import { networkOutputs } from '../src/network/network.ts';
import type { NetworkConfig } from '../src/network/networkConfig.ts';
import type { NamedArrays, ParameterLayout } from '../src/network/parameters.ts';
import { TwinTape } from './twinTape.ts';

export interface TwinStep {
  readonly logits: Reference;
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Reference>;
}

/**
 * Image [N, D, H, W, 1], target one class a voxel of the first items; the others, where there are some, learn from a
 * teacher's logits at the full resolution, by a weight.
 * The target's labels are coded where the weight of pseudo-labels is given.
 */
export function twinStep(
  config: NetworkConfig,
  layout: ParameterLayout,
  parameters: NamedArrays,
  image: Reference,
  target: ArrayLike<number>,
  unlabelled?: { readonly teacher: Reference; readonly weight: number },
  pseudoWeight?: number,
): TwinStep {
  const shapes = new Map(layout.specs.map(({ name, shape }) => [name, shape]));
  const tape = new TwinTape((name) => reference(shapes.get(name)!, parameters.get(name)!));
  const outputs = networkOutputs(
    tape,
    { ...image, dtype: 'f32' } as Reference & { dtype: 'f32' },
    config,
  ) as unknown as Reference[];
  const [logits] = outputs;
  const labels = reference([...logits.shape.slice(0, 4), 1].with(0, target.length / voxels(logits)), target);
  const total = outputs.reduce((sum, _, i) => sum + 0.5 ** i, 0);
  const gradients = outputs.map((output, i) => {
    const own = coarseLabels(labels, [labels.shape[0], ...output.shape.slice(1, 4), 1]).data;
    const items = firstItems(output, labels.shape[0]);
    const supervised = diceCrossEntropy.backward(items, own, 0.5 ** i / total, pseudoWeight);
    const gradient = reference(output.shape);
    gradient.data.set(supervised.data);
    if (unlabelled && i === 0) {
      const rest = reference(unlabelled.teacher.shape, output.data.slice(supervised.data.length));
      gradient.data.set(
        consistency.gradient(rest, unlabelled.teacher, unlabelled.weight).data,
        supervised.data.length,
      );
    }
    return [output as never, gradient] as const;
  });
  tape.backward(gradients);
  const [loss] = diceCrossEntropy.forward(firstItems(logits, labels.shape[0]), target, pseudoWeight);
  return { logits, loss, gradients: tape.gradients };
}

const voxels = ({ shape }: Reference) => shape[1] * shape[2] * shape[3];

const firstItems = ({ shape, data }: Reference, count: number): Reference =>
  reference([count, ...shape.slice(1)], data.slice(0, (data.length / shape[0]) * count));

/** The losses before each of `steps` Adam steps from the parameters. */
export function twinLosses(
  config: NetworkConfig,
  layout: ParameterLayout,
  parameters: NamedArrays,
  image: Reference,
  target: ArrayLike<number>,
  learningRate: number,
  steps: number,
): number[] {
  const current = new Map([...parameters].map(([name, values]) => [name, Float64Array.from(values)]));
  const zeros = () => new Map([...current].map(([name, values]) => [name, new Float64Array(values.length)]));
  const [m, v] = [zeros(), zeros()];
  const hyper = { learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, gradientScale: 1 };
  return Array.from({ length: steps }, (_, i) => {
    const { loss, gradients } = twinStep(config, layout, current as never, image, target);
    for (const [name, { data }] of gradients) {
      adam.adam(current.get(name)!, data, m.get(name)!, v.get(name)!, { ...hyper, step: i + 1 });
    }
    return loss;
  });
}
