/**
 * The probe of the GPU: opens it as every command does, convolves a few numbers and prints what it saw as JSON.
 * `diagnose` runs it in a process of its own: a driver that crashes or hangs takes no more than that along,
 * and the lines that Dawn and drivers write to stderr can be told from ours.
 */
import type { AdapterFacts, Gpu, WeightSpace } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { findAdapter, listAdapters, openGpu } from '@organseg/kernels/open/dawn.ts';
import { forward, pack } from '@organseg/kernels/ops/conv3d.ts';
import { reference, relativeError } from '@organseg/kernels/reference/array.ts';
import { forward as twin } from '@organseg/kernels/reference/conv3d.ts';
import { downloadF32, empty, fromArray } from '@organseg/kernels/tensor.ts';

export interface Probe {
  /** Names of all adapters; `adapter` is the one that commands use. */
  readonly adapters: readonly string[];
  readonly adapter?: AdapterFacts;
  readonly kernels?: KernelFacts;
}

export interface KernelFacts {
  /** Buffers that convolutions read weights from: uniform on a CPU that plays GPU, storage on a GPU. */
  readonly weights: WeightSpace;
  readonly f16: boolean;
  readonly timestamps: boolean;
  /** Longest binding, in bytes; longer tensors are bound in parts. */
  readonly maxBindingBytes: number;
  /** Relative errors of a small convolution against float64. */
  readonly errors: { readonly f32: number; readonly f16?: number };
}

async function probe(): Promise<Probe> {
  const adapters = await listAdapters();
  if (!(await findAdapter())) return { adapters };
  const gpu = await openGpu();
  try {
    const errors = {
      f32: await convolutionError(gpu, 'f32'),
      ...(gpu.hasF16 && { f16: await convolutionError(gpu, 'f16') }),
    };
    const { adapter, weightSpace, hasF16, hasTimestamps, maxBindingBytes } = gpu;
    return {
      adapters,
      adapter,
      kernels: { weights: weightSpace, f16: hasF16, timestamps: hasTimestamps, maxBindingBytes, errors },
    };
  } finally {
    gpu.close();
  }
}

/** A 3×3×3 convolution of small whole numbers, whose sums float16 holds exactly. */
async function convolutionError(gpu: Gpu, dtype: 'f32' | 'f16'): Promise<number> {
  const shape = { kernel: [3, 3, 3], stride: [1, 1, 1] } as const;
  const input = reference([1, 3, 4, 5, 2]);
  const weight = reference([3, 2, 3, 3, 3]);
  for (const { data } of [input, weight]) for (let i = 0; i < data.length; i++) data[i] = ((i * 7) % 5) - 2;
  const expected = twin(input, weight, undefined, shape);

  const output = empty(gpu, expected.shape, dtype);
  const { packed, launches } = pack(gpu, {
    weight: fromArray(gpu, new Float32Array(weight.data), weight.shape),
    inputChannels: [2],
    shape,
    output: output.shape,
    dtype,
  });
  const inputs = [fromArray(gpu, new Float32Array(input.data), input.shape, dtype)];
  runOnce(gpu, [...launches, ...forward(gpu, { inputs, weights: packed, output, shape }).launches]);
  return relativeError(await downloadF32(gpu, output), expected.data);
}

process.stdout.write(`${JSON.stringify(await probe())}\n`);
