/**
 * A network's parameters: one flat f32 tensor, in which each has its place, name and PyTorch layout.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import {
  downloadF32,
  elementCount,
  type Tensor,
  UPLOAD_BYTES,
  upload,
  zeros,
} from '@organseg/kernels/tensor.ts';
import { InputError } from '../inputError.ts';
import type { Random } from '../random.ts';
import { floatsOf, type SafeTensors, tensorOf } from './safetensors.ts';

/** The slope of LeakyReLU below 0, in all networks. */
export const LEAKY_SLOPE = 0.01;

/** A parameter without its values. */
export interface ParameterSpec {
  readonly name: string;
  /** PyTorch's layout: conv3d [out, in, kD, kH, kW], transposed [in, out, kD, kH, kW], norm and bias [C]. */
  readonly shape: readonly number[];
  readonly kind: 'convolution' | 'normWeight' | 'zeroNormWeight' | 'bias' | 'slope';
  /** Whether training leaves it as it is: the running statistics of batch norms, and scales that are none. */
  readonly isFrozen?: boolean;
}

/** The elements whose multiples places begin at: 256 bytes, so that each parameter can be bound alone. */
const PLACE_ELEMENTS = 64;

/** Parameters' values by name, in PyTorch's layout. */
export type NamedArrays = Map<string, Float32Array>;

/** A source of values by name, all at once or one by one. */
export type ParameterValues = Pick<NamedArrays, 'get'>;

/** Throws InputError where a value of a parameter is no finite number. */
export function assertFinite(values: Float32Array, name: string, path: string): void {
  for (const value of values)
    if (!Number.isFinite(value)) throw new InputError(`${path}: ${name} holds ${value}, no finite number`);
}

/** Throws InputError unless a file's tensors that begin with `prefix` are these parameters. */
export function assertParameters(
  specs: readonly ParameterSpec[],
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  prefix: string,
  path: string,
): void {
  for (const { name, shape } of specs) tensorOf(tensors, `${prefix}${name}`, shape, path);
  const expected = new Set(specs.map(({ name }) => `${prefix}${name}`));
  const extra = [...tensors.keys()].find((name) => name.startsWith(prefix) && !expected.has(name));
  if (extra) throw new InputError(`${path}: tensor ${extra} is no parameter of this network`);
}

/** The values of all parameters, from a file's tensors `prefix` + name, which must be one for each. Throws InputError. */
export function namedArrays(
  specs: readonly ParameterSpec[],
  file: Pick<SafeTensors, 'tensors'>,
  prefix: string,
  path: string,
): NamedArrays {
  assertParameters(specs, file.tensors, prefix, path);
  return new Map(specs.map(({ name, shape }) => [name, floatsOf(file, `${prefix}${name}`, shape, path)]));
}

/** The places of parameters in a flat f32 tensor. */
export class ParameterLayout {
  readonly specs: readonly ParameterSpec[];
  /** Elements of the flat tensor, gaps included. */
  readonly size: number;
  readonly #trainedSize: number;
  readonly #offsets = new Map<string, number>();

  constructor(specs: readonly ParameterSpec[]) {
    this.specs = specs;
    let offset = 0;
    const place = ({ name, shape }: ParameterSpec) => {
      this.#offsets.set(name, offset);
      offset += Math.ceil(elementCount(shape) / PLACE_ELEMENTS) * PLACE_ELEMENTS;
    };
    for (const spec of specs) if (!spec.isFrozen) place(spec);
    this.#trainedSize = offset;
    for (const spec of specs) if (spec.isFrozen) place(spec);
    this.size = offset;
  }

  /** The number of parameters that are trained, without the gaps between places. */
  get count(): number {
    return this.specs.reduce((sum, { shape, isFrozen }) => sum + (isFrozen ? 0 : elementCount(shape)), 0);
  }

  /** The part of a flat tensor that training changes. */
  trained(flat: Tensor): Tensor {
    return { ...flat, shape: [this.#trainedSize] };
  }

  /** The other part. */
  frozen(flat: Tensor): Tensor {
    const offsetBytes = flat.offsetBytes + 4 * this.#trainedSize;
    return { ...flat, shape: [this.size - this.#trainedSize], offsetBytes };
  }

  /** A parameter's part of a flat tensor. */
  view(flat: Tensor, name: string): Tensor {
    const spec = this.specs.find((s) => s.name === name);
    const offset = this.#offsets.get(name);
    if (!spec || offset === undefined) throw new Error(`network: no parameter ${name}`);
    return {
      shape: spec.shape,
      dtype: 'f32',
      buffer: flat.buffer,
      offsetBytes: flat.offsetBytes + offset * 4,
    };
  }

  /** A flat tensor of zeros. */
  allocate(gpu: Gpu): Tensor {
    return zeros(gpu, [this.size]);
  }

  /** Copies values into a flat tensor, parameter by parameter. */
  upload(gpu: Gpu, flat: Tensor, values: ParameterValues): void {
    let bytes = 0;
    for (const { name, shape } of this.specs) {
      upload(gpu, this.view(flat, name), values.get(name)!);
      bytes += 4 * elementCount(shape);
      if (bytes < UPLOAD_BYTES) continue;
      gpu.device.queue.submit([]); // or Dawn keeps every staging copy
      bytes = 0;
    }
  }

  /** The values of a flat tensor. */
  async download(gpu: Gpu, flat: Tensor): Promise<NamedArrays> {
    const all = await downloadF32(gpu, flat);
    return new Map(
      this.specs.map(({ name, shape }) => {
        const offset = this.#offsets.get(name)!;
        return [name, all.slice(offset, offset + elementCount(shape))];
      }),
    );
  }
}

/** The values of a scale or an offset that is none, which no file holds. */
export const fixedValues = ({ kind, shape }: ParameterSpec): Float32Array =>
  new Float32Array(elementCount(shape)).fill(kind === 'normWeight' ? 1 : 0);

/** The slope of PReLU before training, in PyTorch. */
const PRELU_SLOPE = 0.25;

/**
 * Random values to train from: Kaiming normal for LeakyReLU (He et al. 2015; PyTorch's fan_in, a = 0.01); norms 1
 * and 0, or 0 alone where a block then begins as its shortcut; biases 0; slopes 0.25.
 */
export function initialise(layout: ParameterLayout, random: Random): NamedArrays {
  return new Map(
    layout.specs.map(({ name, shape, kind }) => {
      const values = new Float32Array(elementCount(shape));
      if (kind === 'normWeight') values.fill(1);
      if (kind === 'slope') values.fill(PRELU_SLOPE);
      if (kind === 'convolution') {
        const fanIn = elementCount(shape.slice(1));
        const std = Math.sqrt(2 / (1 + LEAKY_SLOPE ** 2) / fanIn);
        for (let i = 0; i < values.length; i++) values[i] = std * random.normal();
      }
      return [name, values];
    }),
  );
}
