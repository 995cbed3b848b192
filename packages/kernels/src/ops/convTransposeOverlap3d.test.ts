/** Transposed convolutions whose kernels exceed their strides, forward and both gradients, against the float64 twin. */
import { test } from 'vitest';
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
import * as twin from '../reference/convTransposeOverlap3d.ts';
import * as convTranspose from './convTransposeOverlap3d.ts';

interface Case {
  inputs: number[];
  to: number;
  size: [number, number, number];
  batch?: number;
  kernel: [number, number, number];
  stride: [number, number, number];
  bias?: boolean;
}

// One channel, odd sizes, channels off the tiles and of two inputs, strides of 1, 2 and 3.
const CASES: Case[] = [
  { inputs: [1], to: 3, size: [2, 3, 5], kernel: [3, 3, 3], stride: [2, 2, 2], bias: true },
  { inputs: [5, 3], to: 3, size: [2, 3, 5], batch: 2, kernel: [3, 3, 3], stride: [2, 2, 2], bias: true },
  { inputs: [12, 20], to: 12, size: [3, 4, 9], kernel: [3, 3, 3], stride: [1, 2, 2] },
  { inputs: [4, 4], to: 8, size: [3, 4, 5], kernel: [1, 3, 5], stride: [1, 3, 2], bias: true },
];

async function check(
  kit: Kit,
  dtype: 'f32' | 'f16',
  { inputs: channels, to, size, batch = 1, kernel, stride, bias: hasBias }: Case,
): Promise<void> {
  const parts = channels.map((c) => kit.peaky([batch, ...size, c], dtype));
  const whole = concatenate(parts);
  const weight = kit.peaky([whole.shape[4]!, to, ...kernel]);
  const bias = hasBias ? kit.peaky([to]) : undefined;
  const expected = twin.forward(whole, weight, bias, stride);
  const inputs = parts.map((part) => kit.upload(part, dtype));
  const w = kit.upload(weight);
  const output = kit.output(expected.shape, dtype);
  const { packed, launches } = convTranspose.pack(kit.gpu, {
    weight: w,
    inputChannels: channels,
    stride,
    output: output.shape,
    dtype,
  });
  const call = { inputs, weights: packed, bias: bias && kit.upload(bias), output };
  kit.run(launches, convTranspose.forward(kit.gpu, call));
  await kit.expectClose(output, expected);

  const dOutput = kit.peaky(expected.shape, dtype);
  const dOut = kit.upload(dOutput, dtype);
  const gradients = twin.backward(whole, weight, dOutput, stride);
  let firstChannel = 0;
  for (const part of parts) {
    const dInput = kit.output(part.shape, dtype);
    const back = { dOutput: dOut, weight: w, dInput, firstChannel, stride };
    kit.run(convTranspose.inputGradient(kit.gpu, { ...back, accumulate: false }));
    const own = channelsOf(gradients.dInput, firstChannel, part.shape[4]!);
    await kit.expectClose(dInput, own);
    kit.run(convTranspose.inputGradient(kit.gpu, { ...back, accumulate: true }));
    await kit.expectClose(dInput, { ...own, data: own.data.map((x) => 2 * x) });
    firstChannel += part.shape[4]!;
  }
  const dWeight = kit.zeros(weight.shape);
  const dBias = bias && kit.zeros([to]);
  kit.run(convTranspose.parameterGradient(kit.gpu, { inputs, dOutput: dOut, dWeight, dBias, stride }));
  await kit.expectClose(dWeight, gradients.dWeight, 1e-5);
  if (dBias) await kit.expectClose(dBias, gradients.dBias, 1e-5);
}

const NAME = '$inputs→$to of $size, kernel $kernel, stride $stride';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`convTransposeOverlap3d, ${name}`, options, (kit) => {
    test.each(CASES)(`f32 ${NAME}`, (c) => check(kit, 'f32', c));
    test.each(CASES.slice(1, 2))(`f16 ${NAME}`, (c) => check(kit, 'f16', c));
    test('the twin agrees with central differences', () => {
      const x = kit.peaky([1, 2, 3, 2, 2]);
      const w = kit.peaky([2, 3, 1, 3, 3]);
      const stride = [1, 2, 3] as const;
      const g = kit.peaky(twin.forward(x, w, undefined, stride).shape);
      const { dInput, dWeight } = twin.backward(x, w, g, stride);
      expectGradient(kit, x, (v) => dot(twin.forward(v, w, undefined, stride), g), dInput);
      expectGradient(kit, w, (v) => dot(twin.forward(x, v, undefined, stride), g), dWeight);
    });
  });
}
onDevice('convTransposeOverlap3d, tiles of multiply-adds', TILED_DEVICES.fma, (kit) => {
  test.each(CASES.slice(1, 3))(`f32 ${NAME}`, (c) => check(kit, 'f32', c));
});
onDevice('convTransposeOverlap3d, tiles of subgroup matrices', TILED_DEVICES.matrix, (kit) => {
  test.each(CASES.slice(1, 3))(`f16 ${NAME}`, (c) => check(kit, 'f16', c));
});
