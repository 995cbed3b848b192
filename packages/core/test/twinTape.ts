/**
 * The tape's twin: runs forward code at once, in float64, and its backward by the kernels' twins.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import * as add from '@organseg/kernels/reference/add.ts';
import { type Reference, reference } from '@organseg/kernels/reference/array.ts';
import * as avgPool3d from '@organseg/kernels/reference/avgPool3d.ts';
import * as batchNorm from '@organseg/kernels/reference/batchNorm.ts';
import * as conv3d from '@organseg/kernels/reference/conv3d.ts';
import * as convTranspose3d from '@organseg/kernels/reference/convTranspose3d.ts';
import * as convTransposeOverlap3d from '@organseg/kernels/reference/convTransposeOverlap3d.ts';
import * as groupNorm from '@organseg/kernels/reference/groupNorm.ts';
import * as instanceNorm from '@organseg/kernels/reference/instanceNorm.ts';
import * as prelu from '@organseg/kernels/reference/prelu.ts';
import * as upsample2 from '@organseg/kernels/reference/upsample2.ts';
import type {
  ConvOptions,
  InstanceNormOptions,
  TransposedOptions,
  TransposedOverlapOptions,
} from '../src/network/layerOptions.ts';
import type { Slot } from '../src/network/op.ts';
import type { Layers } from '../src/network/tape.ts';

interface Value extends Slot, Reference {}
const value = (x: Reference): Value => ({ ...x, dtype: 'f32' });

export class TwinTape implements Layers {
  /** The parameters' gradients by name, filled by `backward`. */
  readonly gradients = new Map<string, Reference>();
  readonly #parameter: (name: string) => Reference;
  readonly #backward: (() => void)[] = [];
  readonly #ofValues = new Map<Reference, Reference>();

  constructor(parameter: (name: string) => Reference) {
    this.#parameter = parameter;
  }

  conv3d(input: Slot | readonly Slot[], name: string, options: ConvOptions): Value {
    const parts = (Array.isArray(input) ? input : [input]) as Value[];
    const x = concatenate(parts);
    const weight = this.#parameter(`${name}.weight`);
    const bias = options.bias ? this.#parameter(`${name}.bias`) : undefined;
    const { kernel, stride = [1, 1, 1], padding } = options;
    const shape = { kernel, stride, padding };
    return this.#record(conv3d.forward(x, weight, bias, shape), (dOutput) => {
      const { dInput, dWeight, dBias } = conv3d.backward(x, weight, dOutput, shape);
      this.gradients.set(`${name}.weight`, dWeight);
      if (bias) this.gradients.set(`${name}.bias`, dBias);
      split(dInput, parts).forEach((gradient, i) => {
        this.#add(parts[i], gradient);
      });
    });
  }

  convTranspose3d(input: Slot, name: string, options: TransposedOptions): Value {
    const weight = this.#parameter(`${name}.weight`);
    const bias = options.bias ? this.#parameter(`${name}.bias`) : undefined;
    return this.#record(convTranspose3d.forward(input as Value, weight, bias), (dOutput) => {
      const { dInput, dWeight, dBias } = convTranspose3d.backward(input as Value, weight, dOutput);
      this.gradients.set(`${name}.weight`, dWeight);
      if (bias) this.gradients.set(`${name}.bias`, dBias);
      this.#add(input as Value, dInput);
    });
  }

  convTransposeOverlap3d(
    input: Slot | readonly Slot[],
    name: string,
    { stride, bias: hasBias }: TransposedOverlapOptions,
  ): Value {
    const parts = (Array.isArray(input) ? input : [input]) as Value[];
    const x = concatenate(parts);
    const weight = this.#parameter(`${name}.weight`);
    const bias = hasBias ? this.#parameter(`${name}.bias`) : undefined;
    return this.#record(convTransposeOverlap3d.forward(x, weight, bias, stride), (dOutput) => {
      const { dInput, dWeight, dBias } = convTransposeOverlap3d.backward(x, weight, dOutput, stride);
      this.gradients.set(`${name}.weight`, dWeight);
      if (bias) this.gradients.set(`${name}.bias`, dBias);
      split(dInput, parts).forEach((gradient, i) => {
        this.#add(parts[i], gradient);
      });
    });
  }

  avgPool3d(input: Slot, _name: string, stride: Dhw): Value {
    return this.#record(avgPool3d.forward(input as Value, stride), (dOutput) => {
      this.#add(input as Value, avgPool3d.backward(input.shape, dOutput, stride));
    });
  }

  upsample2(input: Slot): Value {
    return this.#record(upsample2.forward(input as Value), (dOutput) => {
      this.#add(input as Value, upsample2.backward(dOutput));
    });
  }

  add(a: Slot, b: Slot): Value {
    return this.#record(add.forward(a as Value, b as Value), (dOutput) => {
      this.#add(a as Value, dOutput);
      this.#add(b as Value, dOutput);
    });
  }

  prelu(input: Slot, name: string): Value {
    const slope = this.#parameter(`${name}.weight`);
    return this.#record(prelu.forward(input as Value, slope), (dOutput) => {
      const { dInput, dSlope } = prelu.backward(input as Value, slope, dOutput);
      this.gradients.set(`${name}.weight`, dSlope);
      this.#add(input as Value, dInput);
    });
  }

  batchNorm(input: Slot, name: string, slope: number): Value {
    const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((key) =>
      this.#parameter(`${name}.${key}`),
    );
    const parameters = { weight, bias, mean, variance, slope };
    return this.#record(batchNorm.forward(input as Value, parameters), (dOutput) => {
      const gradient = batchNorm.backward(input as Value, parameters, dOutput);
      this.gradients.set(`${name}.weight`, gradient.dWeight);
      this.gradients.set(`${name}.bias`, gradient.dBias);
      this.#add(input as Value, gradient.dInput);
    });
  }

  groupNorm(input: Slot, name: string, groups: number): Value {
    const [weight, bias] = [this.#parameter(`${name}.weight`), this.#parameter(`${name}.bias`)];
    const parameters = { weight, bias, groups, slope: 0 };
    return this.#record(groupNorm.forward(input as Value, parameters), (dOutput) => {
      const gradient = groupNorm.backward(input as Value, parameters, dOutput);
      this.gradients.set(`${name}.weight`, gradient.dWeight);
      this.gradients.set(`${name}.bias`, gradient.dBias);
      this.#add(input as Value, gradient.dInput);
    });
  }

  instanceNorm(input: Slot, name: string, options: InstanceNormOptions = {}): Value {
    const residual = options.residual as Value | undefined;
    const parameters = {
      weight: this.#parameter(`${name}.weight`),
      bias: this.#parameter(`${name}.bias`),
      residual,
      slope: options.linear ? 1 : (options.slope ?? 0.01),
    };
    return this.#record(instanceNorm.forward(input as Value, parameters), (dOutput) => {
      const gradient = instanceNorm.backward(input as Value, parameters, dOutput);
      this.gradients.set(`${name}.weight`, gradient.dWeight);
      this.gradients.set(`${name}.bias`, gradient.dBias);
      this.#add(input as Value, gradient.dInput);
      if (residual) this.#add(residual, gradient.dResidual);
    });
  }

  /** Makes the gradients of all parameters from those of values. */
  backward(gradients: readonly (readonly [Slot, Reference])[]): void {
    for (const [output, gradient] of gradients) this.#ofValues.set(output as Value, gradient);
    for (const back of this.#backward.toReversed()) back();
  }

  #record(output: Reference, backward: (dOutput: Reference) => void): Value {
    const result = value(output);
    this.#backward.push(() => backward(this.#ofValues.get(result)!));
    return result;
  }

  #add(to: Value, gradient: Reference): void {
    const before = this.#ofValues.get(to);
    const sum = before ? gradient.data.map((g, i) => g + before.data[i]) : gradient.data;
    this.#ofValues.set(to, { shape: gradient.shape, data: sum });
  }
}

function concatenate(parts: readonly Value[]): Reference {
  if (parts.length === 1) return parts[0];
  const channels = parts.reduce((sum, { shape }) => sum + shape[4], 0);
  const whole = reference([...parts[0].shape.slice(0, 4), channels]);
  let first = 0;
  for (const { shape, data } of parts) {
    data.forEach((x, i) => {
      whole.data[Math.floor(i / shape[4]) * channels + first + (i % shape[4])] = x;
    });
    first += shape[4];
  }
  return whole;
}

function split(whole: Reference, parts: readonly Value[]): Reference[] {
  const channels = whole.shape[4];
  let first = 0;
  return parts.map(({ shape }) => {
    const from = first;
    first += shape[4];
    return reference(
      shape,
      whole.data.filter((_, i) => i % channels >= from && i % channels < from + shape[4]),
    );
  });
}
