/**
 * The bench of layers: each distinct convolution of the network alone, at the training batch, forward and the gradients
 * of inputs and weights.
 *   pnpm bench layers [--preset NAME] [--set key=value]… [--dtype f32|f16]
 *     [--model FOLDER] [--tune off|cached|full] [--kernel direct|fma|matrix] [--short] [--json]
 */

import type { ConvOptions, TransposedOptions } from '@organseg/core/network/layerOptions.ts';
import { networkOutputs } from '@organseg/core/network/network.ts';
import type { Slot } from '@organseg/core/network/op.ts';
import { Tape } from '@organseg/core/network/tape.ts';
import { dhwOfList } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, joinWork, type Work } from '@organseg/kernels/kernel.ts';
import * as conv3d from '@organseg/kernels/ops/conv3d.ts';
import * as convTranspose3d from '@organseg/kernels/ops/convTranspose3d.ts';
import { elementCount, empty, fromArray, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { measure } from '../../../packages/kernels/bench/measure.ts';
import { type LayerBench, layerTitle } from './layerTitle.ts';
import { benchNetwork, type NetworkBench } from './options.ts';

type Layer = Pick<LayerBench, 'op' | 'to' | 'kernel' | 'stride' | 'size'> & {
  readonly inputs: readonly number[];
};

/** A tape that notes each convolution that forward code asks for. */
class Notes extends Tape {
  readonly layers = new Map<string, Layer>();

  override conv3d(input: Slot | readonly Slot[], name: string, options: ConvOptions): Slot {
    const inputs = Array.isArray(input) ? (input as Slot[]) : [input as Slot];
    const { filters, kernel, stride = [1, 1, 1] } = options;
    this.#note('conv3d', inputs, { to: filters, kernel, stride });
    return super.conv3d(input, name, options);
  }

  override convTranspose3d(input: Slot, name: string, options: TransposedOptions): Slot {
    const { filters, stride } = options;
    this.#note('convTranspose3d', [input], { to: filters, kernel: stride, stride });
    return super.convTranspose3d(input, name, options);
  }

  #note(op: Layer['op'], inputs: Slot[], rest: Pick<Layer, 'to' | 'kernel' | 'stride'>): void {
    const size = dhwOfList(inputs[0]!.shape, 1);
    const layer = { op, inputs: inputs.map(({ shape }) => shape[4]!), size, ...rest };
    this.layers.set(JSON.stringify({ ...layer, inputs: layer.inputs.reduce((a, b) => a + b, 0) }), layer);
  }
}

async function benchLayers(
  { gpu, config, network, patch, dtype }: NetworkBench,
  budgetMs: number,
): Promise<LayerBench[]> {
  const notes = new Notes();
  const image = notes.input([config.batch, ...patch, network.inputChannels]);
  networkOutputs(notes, image, network);
  const result: LayerBench[] = [];
  for (const layer of notes.layers.values()) {
    result.push(await benchLayer(gpu, layer, config.batch, dtype, budgetMs));
  }
  return result;
}

async function benchLayer(
  gpu: Gpu,
  layer: Layer,
  batch: number,
  dtype: 'f32' | 'f16',
  budgetMs: number,
): Promise<LayerBench> {
  const { op, inputs, to, kernel, stride, size } = layer;
  const from = inputs.reduce((a, b) => a + b, 0);
  const tensors: Tensor[] = [];
  const random = (shape: readonly number[], type: 'f32' | 'f16') => {
    const values = new Float32Array(elementCount(shape)).map(() => Math.random() - 0.5);
    const tensor = fromArray(gpu, values, shape, type);
    tensors.push(tensor);
    return tensor;
  };
  const time = async ({ launches, scratch }: Work) => {
    const ms = await measure(gpu, launches, budgetMs);
    discard(gpu, launches);
    release(gpu, ...scratch);
    return ms;
  };
  const shape = { kernel, stride };
  const upsamples = op === 'convTranspose3d';
  const outSize = upsamples ? size.map((n, i) => n * stride[i]!) : conv3d.outputSize(size, shape);
  // An image of one channel is f32, as it is in the network.
  const x = inputs.map((c) => random([batch, ...size, c], c === 1 ? 'f32' : dtype));
  const y = random([batch, ...outSize, to], dtype);
  const weight = random(upsamples ? [from, to, ...kernel] : [to, from, ...kernel], 'f32');
  const dWeight = random(weight.shape, 'f32');
  const pack = { weight, output: y.shape, dtype };
  const { packed, launches } = upsamples
    ? convTranspose3d.pack(gpu, pack)
    : conv3d.pack(gpu, { ...pack, inputChannels: inputs, shape });
  tensors.push(packed.tensor);
  const forward = upsamples
    ? convTranspose3d.forward(gpu, { input: x[0]!, weights: packed, output: y, stride })
    : conv3d.forward(gpu, { inputs: x, weights: packed, output: y, shape });
  const dx = inputs.map((c) => {
    const tensor = empty(gpu, [batch, ...size, c], dtype);
    tensors.push(tensor);
    return tensor;
  });
  const gradients = upsamples
    ? {
        toInput: convTranspose3d.inputGradient(gpu, { weight, dOutput: y, dInput: dx[0]! }),
        toWeight: convTranspose3d.parameterGradient(gpu, { input: x[0]!, dOutput: y, dWeight }),
      }
    : {
        toInput: joinedInputGradients(gpu, { dOutput: y, weight, shape, dx }),
        toWeight: conv3d.parameterGradient(gpu, { inputs: x, dOutput: y, dWeight, shape }),
      };
  const times = {
    forward: await time(joinWork({ launches, scratch: [] }, forward)),
    dInput: await time(gradients.toInput),
    dWeight: await time(gradients.toWeight),
  };
  release(gpu, ...tensors);
  gpu.arena.trim();
  const products = upsamples
    ? elementCount(y.shape) * from
    : elementCount(y.shape) * from * elementCount(kernel);
  return { op, from, to, kernel, stride, size, ...times, flops: 2 * products };
}

function joinedInputGradients(
  gpu: Gpu,
  {
    dx,
    ...call
  }: Pick<conv3d.Conv3dInputGradient, 'dOutput' | 'weight' | 'shape'> & { dx: readonly Tensor[] },
): Work {
  let firstChannel = 0;
  const parts = dx.map((dInput) => {
    const part = conv3d.inputGradient(gpu, { ...call, dInput, firstChannel, accumulate: false });
    firstChannel += dInput.shape[4]!;
    return part;
  });
  return joinWork(...parts);
}

function asText(layers: readonly LayerBench[]): string {
  const cell = (ms: number, flops: number) =>
    `${ms.toFixed(3).padStart(11)}${(flops / ms / 1e6).toFixed(0).padStart(9)}`;
  const head = ['forward', 'dInput', 'dWeight'].map(
    (name) => `${`${name} ms`.padStart(11)}${'Gflop/s'.padStart(9)}`,
  );
  return [
    `${'layer'.padEnd(64)}${head.join('')}`,
    ...layers.map(
      (layer) =>
        layerTitle(layer).padEnd(64) +
        [layer.forward, layer.dInput, layer.dWeight].map((ms) => cell(ms, layer.flops)).join(''),
    ),
  ].join('\n');
}

await benchNetwork(
  async (options) => ({
    dtype: options.dtype,
    layers: await benchLayers(options, options.short ? 20 : 500),
  }),
  ({ layers }) => asText(layers),
);
