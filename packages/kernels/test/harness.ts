/**
 * What the op tests share: devices to run on, peaky inputs, and the comparison with the float64 twin.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Gpu, TileChoice } from '../src/device.ts';
import { type Launch, runOnce, submit, type Work } from '../src/kernel.ts';
import { type OpenOptions, openGpu } from '../src/open/dawn.ts';
import { type Reference, reference, relativeError } from '../src/reference/array.ts';
import { type DType, downloadF32, empty, fromArray, release, type Tensor, zeros } from '../src/tensor.ts';

/** Each op's tests run on the adapter as it is, on its other weight path, and with tensors cut into windows. */
export const DEVICES: Record<string, OpenOptions> = {
  'weights in uniforms': { weightSpace: 'uniform' },
  'weights in storage': { weightSpace: 'storage' },
  'bindings of 128 KiB': { maxBindingBytes: 131072 },
};

/** The tiled convolutions, at sizes that small tensors overrun; subgroup matrices are emulated where there are none. */
export const TILED_DEVICES: Record<'fma' | 'matrix' | 'splits' | 'slabs', OpenOptions> = {
  fma: { tileChoice: smallTiles('fma') },
  matrix: { tileChoice: smallTiles('matrix') },
  splits: { tileChoice: (gpu, problem) => ({ ...smallTiles('matrix')(gpu, problem)!, splits: 3 }) },
  slabs: { tileChoice: smallTiles('fma'), maxBindingBytes: 2 ** 16 },
};

function smallTiles(kernel: 'fma' | 'matrix'): TileChoice {
  return (_gpu, { pass, dtype, outputChannels, taps: [, tapsH] }) => {
    const matrix = kernel === 'matrix' && dtype === 'f16';
    const channels = outputChannels > 16 ? 32 : 16;
    if (pass === 'weightGradient') {
      return matrix
        ? { kernel, lines: 1, width: 32, channels, depth: 16, threads: 64 * tapsH }
        : { kernel: 'fma', lines: 1, width: 16, channels: 16, depth: 16, threads: 16 * tapsH };
    }
    return matrix
      ? { kernel, lines: 2, width: 16, channels, depth: 16, threads: 64 }
      : { kernel: 'fma', lines: 2, width: 16, channels, depth: 8, threads: 4 * channels, voxelsPerThread: 2 };
  };
}

/** Largest ‖a − b‖/‖b‖ between a kernel and its twin. */
export const TOLERANCE: Record<'f32' | 'f16', number> = { f32: 1e-5, f16: 5e-3 };

/** Runs a suite on one device, opened before and closed after it. */
export function onDevice(name: string, options: OpenOptions, suite: (kit: Kit) => void): void {
  describe(name, () => {
    let gpu: Gpu;
    beforeAll(async () => {
      gpu = await openGpu(options);
    });
    afterAll(() => gpu.close());
    suite(new Kit(() => gpu));
  });
}

/** Draws, uploads, runs, compares. */
export class Kit {
  readonly #gpu: () => Gpu;
  #seed = 1;
  constructor(gpu: () => Gpu) {
    this.#gpu = gpu;
  }

  get gpu(): Gpu {
    return this.#gpu();
  }

  /** Uniform numbers in [0, 1): a small generator of its own, so that cases do not depend on library code. */
  random(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }

  /** Values of both signs with a few large ones, rounded to the dtype so that twin and kernel see the same. */
  peaky(shape: readonly number[], dtype: DType = 'f32'): Reference {
    const array = reference(shape);
    const round = dtype === 'f16' ? (x: number) => new Float16Array([x])[0]! : Math.fround;
    for (let i = 0; i < array.data.length; i++) {
      const x = this.random() * 2 - 1;
      array.data[i] = round(this.random() < 0.02 ? x * 8 : x);
    }
    return array;
  }

  upload(array: Reference, dtype: DType = 'f32'): Tensor {
    return fromArray(this.gpu, Float32Array.from(array.data), array.shape, dtype);
  }

  /** Filled with garbage, so that an element that no kernel writes is seen. */
  output(shape: readonly number[], dtype: DType = 'f32'): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    return fromArray(this.gpu, new Float32Array(size).fill(777), shape, dtype);
  }

  zeros(shape: readonly number[]): Tensor {
    return zeros(this.gpu, shape);
  }

  empty(shape: readonly number[], dtype: DType = 'f32'): Tensor {
    return empty(this.gpu, shape, dtype);
  }

  run(...works: (Work | Work['launches'])[]): void {
    for (const work of works) {
      const { launches, scratch } = 'launches' in work ? work : { launches: work, scratch: [] };
      runOnce(this.gpu, launches);
      release(this.gpu, ...scratch);
    }
  }

  submit(launches: Launch[]): void {
    submit(this.gpu, launches);
  }

  async expectClose(
    actual: Tensor,
    expected: Reference,
    tolerance = TOLERANCE[actual.dtype as 'f32' | 'f16'],
  ) {
    expect(actual.shape.reduce((a, b) => a * b, 1)).toBe(expected.data.length);
    expect(relativeError(await downloadF32(this.gpu, actual), expected.data)).toBeLessThan(tolerance);
  }
}

/**
 * The twin's gradient against central differences: for a scalar `f` of `x`, the directional derivative along a
 * random direction must be ⟨gradient, direction⟩.
 */
export function expectGradient(
  kit: Kit,
  x: Reference,
  f: (x: Reference) => number,
  gradient: Reference,
  tolerance = 1e-6,
): void {
  const h = 1e-5;
  const direction = x.data.map(() => kit.random() * 2 - 1);
  const at = (step: number) =>
    f(
      reference(
        x.shape,
        x.data.map((v, i) => v + step * direction[i]!),
      ),
    );
  const numeric = (at(h) - at(-h)) / (2 * h);
  const analytic = gradient.data.reduce((sum, g, i) => sum + g * direction[i]!, 0);
  expect(Math.abs(numeric - analytic)).toBeLessThan(tolerance * Math.max(1, Math.abs(analytic)));
}

/** ⟨a, b⟩: with b fixed, a scalar function of a whose gradient is b. */
export const dot = (a: Reference, b: Reference): number =>
  a.data.reduce((sum, v, i) => sum + v * b.data[i]!, 0);

/** Arrays of one size, one after another along channels. */
export function concatenate(parts: readonly Reference[]): Reference {
  const channels = parts.reduce((sum, part) => sum + part.shape[4]!, 0);
  const whole = reference([...parts[0]!.shape.slice(0, 4), channels]);
  let first = 0;
  for (const { shape, data } of parts) {
    const c = shape[4]!;
    data.forEach((x, i) => {
      whole.data[Math.floor(i / c) * channels + first + (i % c)] = x;
    });
    first += c;
  }
  return whole;
}

/** Channels [first, first + count) of an array. */
export function channelsOf({ shape, data }: Reference, first: number, count: number): Reference {
  const channels = shape[4]!;
  const some = data.filter((_, i) => i % channels >= first && i % channels < first + count);
  return reference([...shape.slice(0, 4), count], some);
}
