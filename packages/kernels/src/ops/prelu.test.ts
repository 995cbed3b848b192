/** PReLU, forward and backward, with and without a norm that is applied to what is read, against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/prelu.ts';
import * as prelu from './prelu.ts';

// One channel, odd sizes, fours and others, several items, more than one binding of 128 KiB.
const CASES = [
  { shape: [1, 2, 3, 5, 1], slopes: 1 },
  { shape: [2, 5, 7, 9, 6], slopes: 1 },
  { shape: [2, 5, 7, 9, 6], slopes: 6 },
  { shape: [1, 1, 1, 8, 16], slopes: 16 },
  { shape: [2, 11, 13, 12, 20], slopes: 20 },
  { shape: [2, 11, 13, 12, 20], slopes: 1 },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`prelu, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const)
      for (const isNormed of [false, true])
        test.each(CASES)(`${dtype} $shape, $slopes slopes, normed ${isNormed}`, async ({ shape, slopes }) => {
          const [batch, channels] = [shape[0]!, shape[4]!];
          const input = kit.peaky(shape, dtype);
          const slope = kit.peaky([slopes]);
          const affine = isNormed ? kit.peaky([batch, channels, 2]) : undefined;
          const perItem = input.data.length / batch;
          const z = reference(
            shape,
            input.data.map((x, i) => {
              const at = 2 * (Math.floor(i / perItem) * channels + (i % channels));
              return affine ? affine.data[at]! * x + affine.data[at + 1]! : x;
            }),
          );
          const output = kit.output(shape, dtype);
          const call = {
            input: kit.upload(input, dtype),
            slope: kit.upload(slope),
            affine: affine && kit.upload(affine),
          };
          kit.run(prelu.forward(kit.gpu, { ...call, output }));
          await kit.expectClose(output, twin.forward(z, slope));

          const dOutput = kit.peaky(shape, dtype);
          const expected = twin.backward(z, slope, dOutput);
          const [dZ, dSlope] = [kit.output(shape, dtype), kit.zeros([slopes])];
          const back = { ...call, dOutput: kit.upload(dOutput, dtype), dZ, dSlope };
          kit.run(prelu.backward(kit.gpu, { ...back, accumulate: false }));
          await kit.expectClose(dZ, expected.dInput);
          await kit.expectClose(dSlope, expected.dSlope, 1e-4);
          kit.run(prelu.backward(kit.gpu, { ...back, accumulate: true }));
          const twice = expected.dInput.data.map((g) => 2 * g);
          await kit.expectClose(dZ, reference(shape, twice));
        });

    test('slopes that are neither one nor one a channel are refused', () => {
      const [input, output] = [0, 1].map(() => kit.zeros([1, 1, 1, 2, 6])) as [never, never];
      const call = { input, output, slope: kit.zeros([3]) };
      expect(() => prelu.forward(kit.gpu, call)).toThrow('slope expects [1] or [6], got [3]');
    });

    test('the twin agrees with central differences', () => {
      const [x, slope] = [kit.peaky([2, 2, 3, 2, 3]), kit.peaky([3])];
      const g = kit.peaky(x.shape);
      const { dInput, dSlope } = twin.backward(x, slope, g);
      expectGradient(kit, x, (v) => dot(twin.forward(v, slope), g), dInput);
      expectGradient(kit, slope, (v) => dot(twin.forward(x, v), g), dSlope);
    });
  });
}
