/** Convolutions, forward and both gradients, against the float64 twin. */
import { expect, test } from 'vitest';
import {
  channelsOf,
  concatenate,
  DEVICES,
  dot,
  expectGradient,
  type Kit,
  onDevice,
  TILED_DEVICES,
} from '../../test/harness.ts';
import * as twin from '../reference/conv3d.ts';
import { statisticsOf } from '../reference/instanceNorm.ts';
import * as conv3d from './conv3d.ts';

interface Case {
  inputs: number[];
  out: number;
  size: [number, number, number];
  batch?: number;
  kernel: [number, number, number];
  stride: [number, number, number];
  padding?: [number, number, number];
  bias?: boolean;
}

// One channel, odd sizes, sizes off the tile of 8, several inputs, channels across the blocks of 8 and 16.
const CASES: Case[] = [
  { inputs: [1], out: 3, size: [3, 4, 5], kernel: [3, 3, 3], stride: [1, 1, 1] },
  { inputs: [4], out: 8, size: [5, 7, 17], batch: 2, kernel: [3, 3, 3], stride: [1, 1, 1] },
  { inputs: [5], out: 18, size: [3, 3, 9], kernel: [3, 3, 3], stride: [1, 1, 1] },
  { inputs: [40, 8], out: 17, size: [2, 3, 8], kernel: [3, 3, 3], stride: [1, 1, 1] },
  { inputs: [12], out: 20, size: [3, 5, 12], kernel: [3, 3, 3], stride: [1, 1, 1] },
  { inputs: [8], out: 12, size: [8, 6, 10], batch: 2, kernel: [3, 3, 3], stride: [2, 2, 2] },
  { inputs: [3], out: 4, size: [5, 7, 9], kernel: [3, 3, 3], stride: [2, 2, 2] },
  { inputs: [4], out: 6, size: [3, 8, 10], kernel: [1, 3, 3], stride: [1, 1, 1] },
  { inputs: [4, 4], out: 8, size: [3, 8, 18], batch: 2, kernel: [1, 3, 3], stride: [1, 2, 2] },
  { inputs: [4], out: 6, size: [4, 6, 8], kernel: [3, 3, 3], stride: [1, 2, 2] },
  { inputs: [8], out: 14, size: [4, 5, 6], batch: 2, kernel: [1, 1, 1], stride: [1, 1, 1], bias: true },
  { inputs: [8], out: 16, size: [4, 6, 10], kernel: [1, 1, 1], stride: [2, 2, 2] },
  { inputs: [6], out: 5, size: [4, 6, 10], kernel: [1, 1, 1], stride: [1, 2, 2] },
  { inputs: [3], out: 4, size: [2, 9, 5], kernel: [1, 3, 1], stride: [1, 3, 1], padding: [0, 1, 0] },
  { inputs: [16], out: 16, size: [12, 13, 14], kernel: [3, 3, 3], stride: [1, 1, 1] },
];

const title = ({ inputs, out, size, batch = 1, kernel, stride, padding, bias }: Case) =>
  `${inputs.join('+')}→${out} of ${batch}×${size.join('×')}, kernel ${kernel}, stride ${stride}${padding ? `, padding ${padding}` : ''}${bias ? ', bias' : ''}`;

async function check(kit: Kit, dtype: 'f32' | 'f16', c: Case): Promise<void> {
  const { kernel, stride, padding, batch = 1 } = c;
  const shape = { kernel, stride, padding };
  const parts = c.inputs.map((channels) => kit.peaky([batch, ...c.size, channels], dtype));
  const channels = c.inputs.reduce((a, b) => a + b, 0);
  const whole = concatenate(parts);
  const weight = kit.peaky([c.out, channels, ...kernel]);
  const bias = c.bias ? kit.peaky([c.out]) : undefined;
  const expected = twin.forward(whole, weight, bias, shape);

  const inputs = parts.map((part) => kit.upload(part, dtype));
  const w = kit.upload(weight);
  const output = kit.output(expected.shape, dtype);
  const { packed, launches } = conv3d.pack(kit.gpu, {
    weight: w,
    inputChannels: c.inputs,
    shape,
    output: output.shape,
    dtype,
  });
  kit.run(launches);
  const biasTensor = bias && kit.upload(bias);
  const stats = kit.output([batch, c.out, 2]);
  kit.run(conv3d.forward(kit.gpu, { inputs, weights: packed, bias: biasTensor, output, stats, shape }));
  await kit.expectClose(output, expected);
  await kit.expectClose(stats, statisticsOf(expected), dtype === 'f32' ? 1e-5 : 1e-3);

  const dOutput = kit.peaky(expected.shape, dtype);
  const dOut = kit.upload(dOutput, dtype);
  const gradients = twin.backward(whole, weight, dOutput, shape);
  let firstChannel = 0;
  for (const part of parts) {
    const dInput = kit.output(part.shape, dtype);
    const call = { dOutput: dOut, weight: w, dInput, firstChannel, shape };
    kit.run(conv3d.inputGradient(kit.gpu, { ...call, accumulate: false }));
    const expectedPart = channelsOf(gradients.dInput, firstChannel, part.shape[4]!);
    await kit.expectClose(dInput, expectedPart);
    kit.run(conv3d.inputGradient(kit.gpu, { ...call, accumulate: true }));
    await kit.expectClose(dInput, { ...expectedPart, data: expectedPart.data.map((x) => 2 * x) });
    firstChannel += part.shape[4]!;
  }

  const dWeight = kit.zeros(weight.shape);
  const dBias = bias && kit.zeros([c.out]);
  kit.run(conv3d.parameterGradient(kit.gpu, { inputs, dOutput: dOut, dWeight, dBias, shape }));
  await kit.expectClose(dWeight, gradients.dWeight, 1e-5);
  if (dBias) await kit.expectClose(dBias, gradients.dBias, 1e-5);
}

/** A norm that is applied to what is read: the same as reading its output. */
async function checkNormed(kit: Kit, dtype: 'f32' | 'f16', c: Case): Promise<void> {
  const { kernel, stride, batch = 1 } = c;
  const shape = { kernel, stride };
  const channels = c.inputs[0]!;
  const slope = 0.01;
  const input = kit.peaky([batch, ...c.size, channels], dtype);
  const affine = kit.peaky([batch, channels, 2]);
  const weight = kit.peaky([c.out, channels, ...kernel]);
  const perItem = input.data.length / batch;
  const normed = {
    shape: input.shape,
    data: input.data.map((x, i) => {
      const at = 2 * (Math.floor(i / perItem) * channels + (i % channels));
      const z = x * affine.data[at]! + affine.data[at + 1]!;
      return Math.max(z, slope * z);
    }),
  };
  const inputs = [kit.upload(input, dtype)];
  const norm = { affine: kit.upload(affine), slope };
  const expected = twin.forward(normed, weight, undefined, shape);
  const output = kit.output(expected.shape, dtype);
  const pack = { weight: kit.upload(weight), inputChannels: c.inputs, shape, output: output.shape, dtype };
  const { packed, launches } = conv3d.pack(kit.gpu, pack);
  kit.run(launches);
  kit.run(conv3d.forward(kit.gpu, { inputs, weights: packed, norm, output, shape }));
  await kit.expectClose(output, expected);

  const dOutput = kit.peaky(expected.shape, dtype);
  const dWeight = kit.zeros(weight.shape);
  const call = { inputs, dOutput: kit.upload(dOutput, dtype), dWeight, norm, shape };
  kit.run(conv3d.parameterGradient(kit.gpu, call));
  const tolerance = dtype === 'f32' ? 1e-5 : 5e-3; // matrices take what was normed in f16
  await kit.expectClose(dWeight, twin.backward(normed, weight, dOutput, shape).dWeight, tolerance);
}

const NORMED = [1, 2, 4, 9].map((i) => [title(CASES[i]!), CASES[i]!] as const);

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`conv3d, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES.map((c) => [title(c), c] as const))(`${dtype} %s`, (_, c) => check(kit, dtype, c));
    }
    test.each(NORMED)('f32, normed input, %s', (_, c) => checkNormed(kit, 'f32', c));
    test('the twin agrees with central differences', () => {
      const shape = { kernel: [1, 3, 3], stride: [1, 2, 2] } as const;
      const x = kit.peaky([1, 2, 5, 6, 2]);
      const w = kit.peaky([3, 2, ...shape.kernel]);
      const g = kit.peaky(twin.forward(x, w, undefined, shape).shape);
      const { dInput, dWeight } = twin.backward(x, w, g, shape);
      expectGradient(kit, x, (v) => dot(twin.forward(v, w, undefined, shape), g), dInput);
      expectGradient(kit, w, (v) => dot(twin.forward(x, v, undefined, shape), g), dWeight);
    });

    test('a wrong output shape is refused by name', () => {
      const shape = { kernel: [3, 3, 3], stride: [1, 1, 1] } as const;
      const weight = kit.zeros([4, 4, 3, 3, 3]);
      const output = kit.zeros([1, 3, 4, 4, 4]);
      const { packed } = conv3d.pack(kit.gpu, {
        weight,
        inputChannels: [4],
        shape,
        output: output.shape,
        dtype: 'f32',
      });
      const call = { inputs: [kit.zeros([1, 4, 4, 4, 4])], weights: packed, output, shape };
      expect(() => conv3d.forward(kit.gpu, call)).toThrow(
        'conv3d: output expects [N,4,4,4,C], got [1,3,4,4,4]',
      );
    });
  });
}

/** What the tiles differ in: channels off the vec4s, two inputs, strides, a bias, a volume of many tiles. */
const TILED = [2, 3, 4, 7, 9, 13].map((i) => [title(CASES[i]!), CASES[i]!] as const);

onDevice('conv3d, tiles of multiply-adds', TILED_DEVICES.fma, (kit) => {
  test.each(TILED)('f32 %s', (_, c) => check(kit, 'f32', c));
  test.each(TILED.slice(0, 2))('f16 %s', (_, c) => check(kit, 'f16', c));
  test.each(NORMED)('f32, normed input, %s', (_, c) => checkNormed(kit, 'f32', c));
});

onDevice('conv3d, tiles of subgroup matrices', TILED_DEVICES.matrix, (kit) => {
  test.each(TILED)('f16 %s', (_, c) => check(kit, 'f16', c));
  test.each(NORMED)('f16, normed input, %s', (_, c) => checkNormed(kit, 'f16', c));
});

/** Sums of more and of fewer chunks than splits, two inputs, strides, a bias, one item and two. */
const SPLIT = [3, 4, 9].map((i) => [title(CASES[i]!), CASES[i]!] as const);

onDevice('conv3d, tiles whose sums are split', TILED_DEVICES.splits, (kit) => {
  test.each(SPLIT)('f32 %s', (_, c) => check(kit, 'f32', c));
  test.each(SPLIT)('f16 %s', (_, c) => check(kit, 'f16', c));
});

onDevice('conv3d, tiles of a tensor beyond one binding', TILED_DEVICES.slabs, (kit) => {
  test.each(TILED.slice(-1))('f32 %s', (_, c) => check(kit, 'f32', c));
  test.each(TILED.slice(-1))('f32, normed input, %s', (_, c) => checkNormed(kit, 'f32', c));
});
