/**
 * Trying tiles on one convolution: each is checked against the direct kernel and timed. Inputs are random, since zeros
 * can run faster than data.
 */

import { type Dhw, dhw } from '../../../axes.ts';
import type { Gpu } from '../../../device.ts';
import { GpuTimer } from '../../../gpuTimer.ts';
import { compile, discard, type Launch, prepare, runOnce, submit, u32 } from '../../../kernel.ts';
import { relativeError } from '../../../reference/array.ts';
import {
  byteLength,
  clear,
  downloadF32,
  elementBytes,
  elementCount,
  empty,
  release,
  type Tensor,
} from '../../../tensor.ts';
import { mapElements, mapInvocations } from '../../wgsl.ts';
import { gather, packWeights } from '../gather.ts';
import { blockOffsets, type GatherGeometry } from '../geometry.ts';
import { weightGradient } from '../weightGradient.ts';
import { type ConvProblem, DIRECT, type Tile } from './problem.ts';

export interface TrialResult {
  /** The median of the repeats, on the GPU's clock. */
  readonly ms: number;
  /** ‖a − b‖/‖b‖ of its results a and the direct kernel's b, over the first and the last ones. */
  readonly error: number;
}

/** Largest error of a tile that may be used: rounding in other orders. */
export const TRIAL_TOLERANCE = { f32: 1e-3, f16: 1e-2 };

const REPEATS = 5;
/** How long the GPU is kept busy after it waited for the compiler. */
const WARM_MS = 300;
/** How many elements are compared at either end. */
const COMPARED = 2 ** 16;

export class Trial {
  readonly #gpu: Gpu;
  readonly #problem: ConvProblem;
  readonly #inputs: readonly Tensor[];
  readonly #weight: Tensor;
  readonly #outputs: Tensor;
  readonly #timer: GpuTimer;
  #expected: Float32Array | undefined;
  #isWarm = false;

  constructor(gpu: Gpu, problem: ConvProblem) {
    const { dtype, inputChannels, outputChannels, taps, stride, outStride, sets, size } = problem;
    const [batch, ...voxels] = size;
    const scaled = (by: Dhw) => voxels.map((n, i) => n * by[i]!);
    const random = (shape: number[], type: 'f32' | 'f16') => {
      const tensor = empty(gpu, shape, type);
      fillRandom(gpu, tensor);
      return tensor;
    };
    const total = inputChannels.reduce((a, b) => a + b, 0);
    this.#gpu = gpu;
    this.#problem = problem;
    this.#inputs = inputChannels.map((c) => random([batch, ...scaled(stride), c], dtype));
    this.#weight = random([outputChannels, total, ...(sets > 1 ? outStride : taps)], 'f32');
    this.#outputs = random([batch, ...scaled(outStride), outputChannels], dtype);
    this.#timer = new GpuTimer(gpu);
  }

  /** Compiles several tiles at once, so that measuring them need not. A fault of a tile is told when it is measured. */
  async compile(tiles: readonly Tile[]): Promise<void> {
    const gpu = this.#gpu;
    for (const tile of [DIRECT, ...tiles]) {
      try {
        const { packing, launches, scratch } = gpu.arena.attempt(() => this.#prepare(tile));
        compile([...packing, ...launches]);
        discard(gpu, [...packing, ...launches]);
        release(gpu, ...scratch);
      } catch {
        // Measuring throws the same.
      }
      gpu.arena.trim();
    }
    await gpu.pipelines.ready();
    try {
      await gpu.finish();
    } catch {
      // Measuring is told the same.
    }
  }

  /** Times a tile and compares its results. Throws what the driver reports. */
  async measure(tile: Tile): Promise<TrialResult> {
    this.#expected ??= (await this.#run(DIRECT, 0)).values;
    const { ms, values } = await this.#run(tile, REPEATS);
    return { ms, error: relativeError(values, this.#expected) };
  }

  async #run(tile: Tile, repeats: number): Promise<{ ms: number; values: Float32Array }> {
    const gpu = this.#gpu;
    const { packing, launches, result, scratch } = this.#prepare(tile);
    try {
      runOnce(gpu, packing);
      submit(gpu, launches);
      const values = await ends(gpu, result);
      const times: number[] = [];
      if (repeats) await this.#timer.warm(launches, this.#isWarm ? 5 : WARM_MS);
      this.#isWarm = repeats > 0;
      for (let i = 0; i < repeats; i++) {
        times.push(await this.#timer.time(launches));
      }
      gpu.check();
      return { ms: times.sort((a, b) => a - b)[repeats >> 1] ?? 0, values };
    } finally {
      discard(gpu, launches);
      release(gpu, ...scratch);
    }
  }

  #prepare(tile: Tile): Trying {
    return this.#problem.pass === 'gather' ? this.#gather(tile) : this.#gradient(tile);
  }

  #gather(tile: Tile): Trying {
    const { taps, stride, outStride, sets, inputChannels, dtype } = this.#problem;
    const offsets = sets > 1 ? blockOffsets(outStride) : [[0, 0, 0] as const];
    const geometry: GatherGeometry = {
      inStride: stride,
      outStride,
      outOffsets: offsets,
      base: dhw((i) => -Math.floor((taps[i]! - 1) / 2)),
      taps,
    };
    const { packed, launches: packing } = packWeights(
      this.#gpu,
      {
        weights: {
          weight: this.#weight,
          inputAxis: 'a',
          firstTaps: offsets,
          tapStep: [1, 1, 1],
          inputChannels,
        },
        geometry,
        output: this.#outputs.shape,
        dtype,
      },
      tile,
    );
    const call = { name: 'trial', inputs: this.#inputs, output: this.#outputs };
    const work = gather(this.#gpu, call, packed);
    return { ...work, packing, result: this.#outputs, scratch: [packed.tensor, ...work.scratch] };
  }

  #gradient(tile: Tile): Trying {
    const { taps, stride } = this.#problem;
    const dWeight = empty(this.#gpu, this.#weight.shape);
    clear(this.#gpu, dWeight);
    const { launches, scratch } = weightGradient(
      this.#gpu,
      {
        name: 'trial',
        gathered: this.#inputs,
        centre: this.#outputs,
        dWeight,
        stride,
        base: dhw((i) => -Math.floor((taps[i]! - 1) / 2)),
      },
      tile,
    );
    return { packing: [], launches, result: dWeight, scratch: [dWeight, ...scratch] };
  }

  close(): void {
    this.#timer.close();
    release(this.#gpu, ...this.#inputs, this.#weight, this.#outputs);
  }
}

interface Trying {
  /** What makes the weights ready, once. */
  readonly packing: readonly Launch[];
  readonly launches: readonly Launch[];
  readonly result: Tensor;
  readonly scratch: readonly Tensor[];
}

/** The first and the last elements of a tensor. */
async function ends(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  const count = elementCount(tensor.shape);
  if (count <= 2 * COMPARED) return downloadF32(gpu, tensor);
  const offset = byteLength(tensor.shape, tensor.dtype) - COMPARED * elementBytes(tensor.dtype);
  const part = (offsetBytes: number) => downloadF32(gpu, { ...tensor, shape: [COMPARED], offsetBytes });
  const [first, last] = [await part(tensor.offsetBytes), await part(tensor.offsetBytes + (offset & ~3))];
  return Float32Array.from([...first, ...last]);
}

function fillRandom(gpu: Gpu, tensor: Tensor): void {
  const count = elementCount(tensor.shape);
  const fill = prepare(gpu, {
    name: 'trial.fill',
    read: {},
    write: { x: tensor },
    params: { count: u32(count) },
    code: mapElements(`
    var h = i * 747796405u + 2891336453u;
    h = ((h >> ((h >> 28u) + 4u)) ^ h) * 277803737u;
    x[i] = x_t(f32((h >> 22u) ^ h) / 4294967296.0 - 0.5);`),
    invocations: mapInvocations(count),
  });
  runOnce(gpu, [fill]);
}
