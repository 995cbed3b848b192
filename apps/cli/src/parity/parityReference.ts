/** The reference file of `parity`: PyTorch's network, its input and its results, checked against each other. */

import { InputError } from '@organseg/core/inputError.ts';
import { networkOutputs } from '@organseg/core/network/network.ts';
import type { DynUnetConfig } from '@organseg/core/network/networkConfig.ts';
import { type NamedArrays, namedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import { floatsOf, type SafeTensors } from '@organseg/core/network/safetensors.ts';
import { Tape } from '@organseg/core/network/tape.ts';
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import { check, parseJson } from '@organseg/files/parseJson.ts';
import { readSafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';

export interface ParityReference {
  readonly tape: Tape;
  readonly image: ReturnType<Tape['input']>;
  readonly logits: ReturnType<Tape['input']>;
  readonly layout: ParameterLayout;
  readonly network: DynUnetConfig;
  /** f32 [N, D, H, W, C] */
  readonly input: Float32Array;
  /** u8 [N, D, H, W, 1] */
  readonly target: Uint8Array;
  readonly parameters: NamedArrays;
  readonly learningRate: number;
  /** f32 [N, D, H, W, classes] */
  readonly expectedLogits: Float32Array;
  readonly expectedGradients: NamedArrays;
  readonly expectedLoss: number;
  /** Loss before each step of Adam. */
  readonly expectedLosses: Float32Array;
}

const size = z.int().positive();
const list = z.array(size);
/** Sizes along D, H, W; one number stands for three of it. */
const triples = z.array(
  z.union([size.transform((n): Dhw => [n, n, n]), z.tuple([size, size, size])], 'expects sizes'),
);
const numeric = z.string().pipe(z.coerce.number<string>());
const metadata = z.object({
  filters: z.string(),
  kernel_size: z.string(),
  strides: z.string(),
  classes: numeric.pipe(z.int().min(2).max(MAX_CLASSES)),
  loss_value: numeric.optional(),
  optimizer: z.string().regex(/\blr=[\d.e+-]+/, 'expects "Adam lr=…"'),
});

/** Reads the file and builds the network that its metadata describes. Throws InputError that names the fault. */
export async function readReference(path: string): Promise<ParityReference> {
  const file = await readSafetensorsFile(path);
  const described = check(file.metadata, metadata, `${path}: metadata`);
  const inputShape = shapeOf(file, 'input', 5, path);
  const config: DynUnetConfig = {
    architecture: 'DynUNet',
    residual: true,
    transposedBias: false,
    inputChannels: inputShape[1]!,
    classes: described.classes,
    filters: parseJson(described.filters, list, `${path}: metadata filters`),
    kernels: parseJson(described.kernel_size, triples, `${path}: metadata kernel_size`),
    strides: parseJson(described.strides, triples, `${path}: metadata strides`),
  };
  const tape = new Tape();
  const image = tape.input(channelsLast(inputShape));
  const logits = inFile(path, () => networkOutputs(tape, image, config)[0]!);
  const layout = new ParameterLayout(tape.parameters);

  const [batch, , ...extent] = inputShape as [number, number, ...number[]];
  const logitsShape = [batch, config.classes, ...extent];
  const losses = floatsOf(file, 'adam_losses', shapeOf(file, 'adam_losses', 1, path), path);
  return {
    tape,
    image,
    logits,
    layout,
    network: config,
    input: toChannelsLast(floatsOf(file, 'input', inputShape, path), inputShape),
    target: labelsOf(file, [batch, 1, ...extent], config.classes, path),
    parameters: namedArrays(layout.specs, file, 'param/', path),
    learningRate: learningRateOf(described.optimizer, path),
    expectedLogits: toChannelsLast(floatsOf(file, 'logits', logitsShape, path), logitsShape),
    expectedGradients: namedArrays(layout.specs, file, 'grad/', path),
    expectedLoss: described.loss_value ?? losses[0]!,
    expectedLosses: losses,
  };
}

/** The shape of a tensor. Throws InputError unless it is there with so many axes, none of them empty. */
function shapeOf({ tensors }: SafeTensors, name: string, axes: number, path: string): readonly number[] {
  const shape = tensors.get(name)?.shape;
  if (!shape) throw new InputError(`${path}: it has no tensor ${name}`);
  if (shape.length !== axes || shape.includes(0))
    throw new InputError(`${path}: tensor ${name} expects ${axes} axes, none empty, got [${shape}]`);
  return shape;
}

function labelsOf({ tensors }: SafeTensors, shape: readonly number[], classes: number, path: string) {
  const target = tensors.get('target');
  if (target?.shape.join() !== shape.join())
    throw new InputError(`${path}: tensor target expects [${shape}], got [${target?.shape ?? 'none'}]`);
  const wrong = target.values.find((label) => !(label >= 0 && label < classes && Number(label) % 1 === 0));
  if (wrong !== undefined)
    throw new InputError(`${path}: tensor target holds ${wrong}, of ${classes} classes`);
  return Uint8Array.from(target.values as ArrayLike<number | bigint>, Number);
}

function learningRateOf(optimizer: string, path: string): number {
  const rate = Number(/\blr=([\d.e+-]+)/.exec(optimizer)![1]);
  if (!(rate > 0)) throw new InputError(`${path}: metadata optimizer expects "Adam lr=…", got ${optimizer}`);
  return rate;
}

/** Builds the network; what that refuses is the file's fault. Throws InputError. */
function inFile<T>(path: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    throw new InputError(`${path}: ${(error as Error).message}`);
  }
}

/** PyTorch's [N, C, D, H, W] as [N, D, H, W, C]. */
const channelsLast = ([n, c, ...extent]: readonly number[]): number[] => [n!, ...extent, c!];

function toChannelsLast(values: Float32Array, shape: readonly number[]): Float32Array {
  const [batch, channels, ...extent] = shape as [number, number, ...number[]];
  const voxels = extent.reduce((a, b) => a * b, 1);
  const result = new Float32Array(values.length);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let v = 0; v < voxels; v++)
        result[(n * voxels + v) * channels + c] = values[(n * channels + c) * voxels + v]!;
  return result;
}
