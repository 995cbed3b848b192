/** What is measured: every op, at shapes of the network on this kind of adapter. */
import type { Dhw } from '../src/axes.ts';
import type { Gpu } from '../src/device.ts';
import { joinWork, type Launch, type Work } from '../src/kernel.ts';
import { accumulateWindow, NOT_MIRRORED } from '../src/ops/accumulateWindow.ts';
import { adam } from '../src/ops/adam.ts';
import { argmax } from '../src/ops/argmax.ts';
import * as avgPool3d from '../src/ops/avgPool3d.ts';
import * as conv3d from '../src/ops/conv3d.ts';
import * as convTranspose3d from '../src/ops/convTranspose3d.ts';
import { cutWindow } from '../src/ops/cutWindow.ts';
import { deform } from '../src/ops/deform.ts';
import * as diceCrossEntropy from '../src/ops/diceCrossEntropy.ts';
import { gaussianSmooth } from '../src/ops/gaussianSmooth.ts';
import * as instanceNorm from '../src/ops/instanceNorm.ts';
import { gammaIntensity, gaussianNoise } from '../src/ops/intensity.ts';
import { lowResolution } from '../src/ops/lowResolution.ts';
import { mixPatches } from '../src/ops/mixPatches.ts';
import { trilinear } from '../src/ops/resample.ts';
import { resampleTaps } from '../src/ops/resampleTaps.ts';
import { sgd } from '../src/ops/sgd.ts';
import * as softmax from '../src/ops/softmax.ts';
import * as upsample2 from '../src/ops/upsample2.ts';
import { byteLength, type DType, elementCount, empty, fromArray, type Tensor } from '../src/tensor.ts';

export interface BenchCase {
  readonly op: string;
  readonly shape: string;
  /** Operations (a multiply-add is two) or bytes that must be moved, whichever bounds the op. */
  readonly flops?: number;
  readonly bytes?: number;
  readonly work: Work;
  /** To be released afterwards. */
  readonly tensors: readonly Tensor[];
}

const cube = (n: number): Dhw => [n, n, n];

/** [input channels, output channels, input size, kernel, stride] of convolutions. */
const CONVOLUTIONS = {
  software: [
    [16, 16, 32, 3, 1],
    [1, 8, 48, 3, 1],
    [8, 8, 48, 3, 1],
    [8, 16, 48, 3, 2],
    [32, 32, 16, 3, 1],
    [64, 64, 8, 3, 1],
    [8, 16, 48, 1, 2],
    [8, 14, 48, 1, 1],
  ],
  hardware: [
    [1, 32, 128, 3, 1],
    [32, 32, 128, 3, 1],
    [32, 64, 128, 3, 2],
    [64, 64, 64, 3, 1],
    [128, 128, 32, 3, 1],
    [256, 256, 16, 3, 1],
    [320, 320, 8, 3, 1],
    [320, 320, 4, 3, 1],
    [32, 14, 128, 1, 1],
  ],
} as const;

/** Cases made one by one, so that only one is in memory. */
export function* benchCases(gpu: Gpu, dtype: 'f32' | 'f16', short: boolean): Generator<BenchCase> {
  const kind = gpu.adapter.software ? 'software' : 'hardware';
  const convolutions = CONVOLUTIONS[kind].slice(0, short ? 3 : undefined);
  for (const [from, to, size, kernel, stride] of convolutions) {
    yield* convolution(gpu, dtype, from, to, size, cube(kernel), cube(stride));
  }
  const [size, channels] = kind === 'software' ? [48, 8] : [128, 32];
  yield* upsampling(gpu, dtype, 2 * channels, channels, size / 2);
  yield* perVoxel(gpu, dtype, size, channels);
  yield* data(gpu, size);
}

/** Random values: zeros can run faster than data. */
function random(gpu: Gpu, shape: readonly number[], dtype: DType = 'f32'): Tensor {
  const values = new Float32Array(elementCount(shape)).map(() => Math.random() - 0.5);
  return fromArray(gpu, values, shape, dtype);
}

const plain = (launches: Launch[]): Work => ({ launches, scratch: [] });
const bytesOf = (...tensors: Tensor[]) => tensors.reduce((sum, t) => sum + byteLength(t.shape, t.dtype), 0);

function* convolution(
  gpu: Gpu,
  dtype: 'f32' | 'f16',
  from: number,
  to: number,
  n: number,
  kernel: Dhw,
  stride: Dhw,
) {
  const shape = { kernel, stride };
  const input = random(gpu, [1, n, n, n, from], dtype);
  const output = random(gpu, [1, ...conv3d.outputSize(cube(n), shape), to], dtype);
  const weight = random(gpu, [to, from, ...kernel]);
  const dWeight = random(gpu, weight.shape);
  const { packed, launches } = conv3d.pack(gpu, {
    weight,
    inputChannels: [from],
    shape,
    output: output.shape,
    dtype,
  });
  const taps = kernel[0] * kernel[1] * kernel[2];
  const flops = 2 * (elementCount(output.shape) / to) * taps * from * to;
  const text = `${from}→${to}, ${n}³, kernel ${kernel[0]}, stride ${stride[0]}`;
  const forward = conv3d.forward(gpu, { inputs: [input], weights: packed, output, shape });
  const tensors = [input, output, weight, dWeight, packed.tensor];
  yield { op: 'conv3d', shape: text, flops, work: joinWork(plain(launches), forward), tensors: [] };
  const inputGradient = conv3d.inputGradient(gpu, {
    dOutput: output,
    weight,
    dInput: input,
    firstChannel: 0,
    shape,
    accumulate: false,
  });
  yield { op: 'conv3d dInput', shape: text, flops, work: inputGradient, tensors: [] };
  const gradient = conv3d.parameterGradient(gpu, { inputs: [input], dOutput: output, dWeight, shape });
  yield { op: 'conv3d dWeight', shape: text, flops, work: gradient, tensors };
}

function* upsampling(gpu: Gpu, dtype: 'f32' | 'f16', from: number, to: number, n: number) {
  const input = random(gpu, [1, n, n, n, from], dtype);
  const output = random(gpu, [1, 2 * n, 2 * n, 2 * n, to], dtype);
  const weight = random(gpu, [from, to, 2, 2, 2]);
  const dWeight = random(gpu, weight.shape);
  const { packed, launches } = convTranspose3d.pack(gpu, { weight, output: output.shape, dtype });
  const flops = 2 * (2 * n) ** 3 * from * to;
  const shape = `${from}→${to}, ${n}³ to ${2 * n}³`;
  const forward = convTranspose3d.forward(gpu, { input, weights: packed, output, stride: cube(2) });
  yield { op: 'convTranspose3d', shape, flops, work: joinWork(plain(launches), forward), tensors: [] };
  const tensors = [input, output, weight, dWeight, packed.tensor];
  // dInput must not be what dWeight reads.
  const dInput = random(gpu, input.shape, dtype);
  const work = joinWork(
    convTranspose3d.inputGradient(gpu, { weight, dOutput: output, dInput }),
    convTranspose3d.parameterGradient(gpu, { input, dOutput: output, dWeight }),
  );
  yield { op: 'convTranspose3d backward', shape, flops: 2 * flops, work, tensors: [...tensors, dInput] };
}

function* perVoxel(gpu: Gpu, dtype: DType, n: number, channels: number) {
  const shape = `${channels} channels, ${n}³`;
  const like = () => random(gpu, [1, n, n, n, channels], dtype);
  const [input, output, dOutput, dInput] = [like(), like(), like(), like()];
  const [weight, bias, dWeight, dBias] = [0, 1, 2, 3].map(() => random(gpu, [channels]));
  const stats = random(gpu, [1, channels, 2]);
  const norm = { input, output, weight, stats, slope: 0.01 };
  const statistics = instanceNorm.statistics(gpu, norm);
  yield { op: 'instanceNorm statistics', shape, bytes: bytesOf(input), work: statistics, tensors: [] };
  const forward = plain(instanceNorm.forward(gpu, { ...norm, bias }));
  yield { op: 'instanceNorm', shape, bytes: bytesOf(input, output), work: forward, tensors: [] };
  yield {
    op: 'instanceNorm backward',
    shape,
    bytes: 2 * bytesOf(input, output, dOutput) + bytesOf(dInput),
    work: instanceNorm.backward(gpu, { ...norm, dOutput, dInput, dWeight, dBias }),
    tensors: [input, output, dOutput, dInput, weight, bias, dWeight, dBias, stats],
  };

  const [fine, coarse] = [like(), random(gpu, [1, n / 2, n / 2, n / 2, channels], dtype)];
  const bytes = bytesOf(fine, coarse);
  const pooled = plain(avgPool3d.forward(gpu, { input: fine, output: coarse, stride: cube(2) }));
  yield { op: 'avgPool3d', shape, bytes, work: pooled, tensors: [] };
  const doubled = plain(upsample2.forward(gpu, { input: coarse, output: fine }));
  yield { op: 'upsample2', shape, bytes, work: doubled, tensors: [] };
  const halved = plain(upsample2.backward(gpu, { dOutput: fine, dInput: coarse, accumulate: false }));
  yield { op: 'upsample2 backward', shape, bytes, work: halved, tensors: [fine, coarse] };

  const classes = `14 classes, ${n}³`;
  const logits = random(gpu, [1, n, n, n, 14], dtype);
  const dLogits = random(gpu, logits.shape, dtype);
  const target = fromArray(
    gpu,
    new Uint8Array(n ** 3).map(() => Math.random() * 14),
    [1, n, n, n, 1],
  );
  const [loss, coefficients] = [random(gpu, [3]), random(gpu, [1, 14, 2])];
  const call = { logits, target, coefficients };
  yield {
    op: 'softmax',
    shape: classes,
    bytes: bytesOf(logits, dLogits),
    work: plain(softmax.forward(gpu, { input: logits, output: dLogits })),
    tensors: [],
  };
  yield {
    op: 'diceCrossEntropy',
    shape: classes,
    bytes: bytesOf(logits, target),
    work: diceCrossEntropy.forward(gpu, { ...call, loss }),
    tensors: [],
  };
  yield {
    op: 'diceCrossEntropy backward',
    shape: classes,
    bytes: bytesOf(logits, dLogits, target),
    work: diceCrossEntropy.backward(gpu, { ...call, dLogits, scale: 1 }),
    tensors: [],
  };
  yield {
    op: 'argmax',
    shape: classes,
    bytes: bytesOf(logits, target),
    work: plain(argmax(gpu, { logits, labels: target })),
    tensors: [],
  };
  const volume = random(gpu, [n, n, n, 14]);
  const weights = random(gpu, [3 * n]);
  yield {
    op: 'accumulateWindow',
    shape: classes,
    bytes: bytesOf(logits, volume, volume),
    work: plain(
      accumulateWindow(gpu, {
        logits,
        item: 0,
        volume,
        depth: n,
        origin: [0, 0, 0],
        mirrored: NOT_MIRRORED,
        weights,
        weightsAt: [0, n, 2 * n],
      }),
    ),
    tensors: [],
  };
  const [image, windows] = [random(gpu, [n, n, n]), random(gpu, [1, n, n, n, 1])];
  yield {
    op: 'cutWindow',
    shape: `${n}³`,
    bytes: bytesOf(image, windows),
    work: plain(
      cutWindow(gpu, {
        volume: image,
        depth: n,
        origin: [0, 0, 0],
        mirrored: NOT_MIRRORED,
        windows,
        item: 0,
      }),
    ),
    tensors: [logits, dLogits, target, loss, coefficients, volume, weights, image, windows],
  };
}

function* data(gpu: Gpu, n: number) {
  const count = n === 128 ? 31_419_406 : 1_000_000;
  const [parameters, gradients, m, v] = [0, 1, 2, 3].map(() => random(gpu, [count]));
  const state = { parameters, gradients, m, v };
  yield {
    op: 'adam',
    shape: `${count} parameters`,
    bytes: 7 * bytesOf(parameters),
    work: plain(adam(gpu, state)),
    tensors: [],
  };
  yield {
    op: 'sgd',
    shape: `${count} parameters`,
    bytes: 5 * bytesOf(parameters),
    work: plain(sgd(gpu, { parameters, gradients, velocity: m })),
    tensors: Object.values(state),
  };
  const shape = `${n}³`;
  const image = random(gpu, [n, n, n]);
  const coarse = random(gpu, [n / 2, n / 2, n / 2]);
  const map = { scale: 2, offset: 0.5 };
  yield {
    op: 'resample trilinear',
    shape: `${n}³ to ${n / 2}³`,
    bytes: bytesOf(image, coarse),
    work: trilinear(gpu, { input: image, output: coarse, maps: [map, map, map] }),
    tensors: [coarse],
  };
  const taps = 32;
  // Each index is made of the 32 in the middle.
  const rows = Array.from({ length: n }, () => [n / 2 - taps / 2, ...Array<number>(taps).fill(1 / taps)]);
  const table = fromArray(gpu, Float32Array.from(rows.flat()), [n, 1 + taps]);
  const along = empty(gpu, [n, n, n]);
  yield {
    op: 'resampleTaps',
    shape: `${n}³ along H, ${taps} taps`,
    flops: 2 * taps * n ** 3,
    work: plain(
      resampleTaps(gpu, {
        input: { tensor: image, at: 0, length: n },
        output: { tensor: along, at: 0, from: 0, to: n },
        outer: n,
        inner: n,
        table,
      }),
    ),
    tensors: [table, along],
  };
  yield {
    op: 'gaussianSmooth',
    shape: `${shape}, σ 1`,
    bytes: 6 * bytesOf(image),
    work: gaussianSmooth(gpu, image, [1, 1, 1]),
    tensors: [],
  };
  yield {
    op: 'gaussianNoise',
    shape,
    bytes: 2 * bytesOf(image),
    work: plain(gaussianNoise(gpu, image, { mean: 0, std: 0.1, key: [1, 2] })),
    tensors: [],
  };
  yield {
    op: 'gammaIntensity',
    shape,
    bytes: 3 * bytesOf(image),
    work: gammaIntensity(gpu, image, { exponent: 1.1, inverted: false, keepsStatistics: false }),
    tensors: [],
  };
  const output = random(gpu, [n, n, n]);
  yield {
    op: 'lowResolution',
    shape: `${shape}, zoom 0.7`,
    bytes: bytesOf(image, output),
    work: lowResolution(gpu, { input: image, output, zooms: [0.7, 0.7, 0.7] }),
    tensors: [],
  };
  const patch = () => ({ images: [random(gpu, [n, n, n])], labels: empty(gpu, [n, n, n], 'u8') });
  const [inside, outside, mixed] = [patch(), patch(), patch()];
  const tensors = [inside, outside, mixed].flatMap(({ images, labels }) => [...images, labels]);
  const side = Math.round((2 * n) / 3);
  const box = { from: cube(n - side), size: cube(side) };
  yield {
    op: 'mixPatches',
    shape: `${shape}, a box of 2/3`,
    bytes: 2 * bytesOf(...mixed.images) + 3 * bytesOf(mixed.labels),
    work: plain(mixPatches(gpu, { inside, outside, box, output: mixed })),
    tensors,
  };
  const control = random(gpu, [8, 8, 8, 4]);
  yield {
    op: 'deform',
    shape: `${shape}, elastic`,
    bytes: bytesOf(image, output),
    work: plain(
      deform(gpu, {
        input: image,
        output,
        matrix: [0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1],
        offset: [0, 0, 0],
        control,
      }),
    ),
    tensors: [image, output, control],
  };
}
