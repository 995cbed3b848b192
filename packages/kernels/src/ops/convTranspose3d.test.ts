/** Transposed convolutions, forward and both gradients, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, type Kit, onDevice, TILED_DEVICES } from '../../test/harness.ts';
import * as twin from '../reference/convTranspose3d.ts';
import * as convTranspose3d from './convTranspose3d.ts';

interface Case {
  from: number;
  to: number;
  size: [number, number, number];
  batch?: number;
  stride: [number, number, number];
  bias?: boolean;
}

// Odd sizes, channels off the tiles; an anisotropic stride with the channels, and so with kernels, of an isotropic one.
const CASES: Case[] = [
  { from: 5, to: 3, size: [2, 3, 5], batch: 2, stride: [2, 2, 2], bias: true },
  { from: 24, to: 20, size: [3, 5, 9], stride: [2, 2, 2] },
  { from: 24, to: 20, size: [2, 4, 17], stride: [1, 2, 2], bias: true },
];

async function check(
  kit: Kit,
  dtype: 'f32' | 'f16',
  { from, to, size, batch = 1, stride, bias: hasBias }: Case,
): Promise<void> {
  const input = kit.peaky([batch, ...size, from], dtype);
  const weight = kit.peaky([from, to, ...stride]);
  const bias = hasBias ? kit.peaky([to]) : undefined;
  const expected = twin.forward(input, weight, bias);
  const x = kit.upload(input, dtype);
  const w = kit.upload(weight);
  const output = kit.output(expected.shape, dtype);
  const { packed, launches } = convTranspose3d.pack(kit.gpu, {
    weight: w,
    output: output.shape,
    dtype,
  });
  const call = { input: x, weights: packed, bias: bias && kit.upload(bias), output, stride };
  kit.run(launches, convTranspose3d.forward(kit.gpu, call));
  await kit.expectClose(output, expected);

  const dOutput = kit.peaky(expected.shape, dtype);
  const gradients = twin.backward(input, weight, dOutput);
  const dInput = kit.output(input.shape, dtype);
  const dWeight = kit.zeros(weight.shape);
  const dBias = bias && kit.zeros([to]);
  const dOut = kit.upload(dOutput, dtype);
  kit.run(convTranspose3d.inputGradient(kit.gpu, { weight: w, dOutput: dOut, dInput }));
  kit.run(convTranspose3d.parameterGradient(kit.gpu, { input: x, dOutput: dOut, dWeight, dBias }));
  await kit.expectClose(dInput, gradients.dInput);
  await kit.expectClose(dWeight, gradients.dWeight, 1e-5);
  if (dBias) await kit.expectClose(dBias, gradients.dBias, 1e-5);
}

const NAME = '$from→$to of $size, stride $stride';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`convTranspose3d, ${name}`, options, (kit) => {
    test.each(CASES)(`f32 ${NAME}`, (c) => check(kit, 'f32', c));
    test.each(CASES)(`f16 ${NAME}`, (c) => check(kit, 'f16', c));
  });
}
onDevice('convTranspose3d, tiles of multiply-adds', TILED_DEVICES.fma, (kit) => {
  test.each(CASES)(`f32 ${NAME}`, (c) => check(kit, 'f32', c));
});
onDevice('convTranspose3d, tiles of subgroup matrices', TILED_DEVICES.matrix, (kit) => {
  test.each(CASES)(`f16 ${NAME}`, (c) => check(kit, 'f16', c));
});
