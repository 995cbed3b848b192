/** The whole network in float64: logits, loss, gradients and Adam losses, as a reference file holds them. */
import * as adam from '@organseg/kernels/reference/adam.ts';
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import * as diceCrossEntropy from '@organseg/kernels/reference/diceCrossEntropy.ts';
import type { NamedArrays, ParameterLayout } from '../src/network/parameters.ts';
import { type UnetConfig, unet } from '../src/network/unet.ts';
import { TwinTape } from './twinTape.ts';

export interface TwinStep {
  readonly logits: Reference;
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Reference>;
}

/** Image [N, D, H, W, 1], target one class a voxel. */
export function twinStep(
  config: UnetConfig,
  layout: ParameterLayout,
  parameters: NamedArrays,
  image: Reference,
  target: ArrayLike<number>,
): TwinStep {
  const shapes = new Map(layout.specs.map(({ name, shape }) => [name, shape]));
  const tape = new TwinTape((name) => reference(shapes.get(name)!, parameters.get(name)!));
  const logits = unet(
    tape,
    { ...image, dtype: 'f32' } as Reference & { dtype: 'f32' },
    config,
  ) as unknown as Reference;
  tape.backward(logits as never, diceCrossEntropy.backward(logits, target, 1));
  return { logits, loss: diceCrossEntropy.forward(logits, target)[0], gradients: tape.gradients };
}

/** The losses before each of `steps` Adam steps from the parameters. */
export function twinLosses(
  config: UnetConfig,
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
