/** Trilinear upsampling to twice the size, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/upsample2.ts';
import * as upsample2 from './upsample2.ts';

// One voxel along an axis, odd sizes, and planes of which several bindings are needed.
const CASES = [{ shape: [1, 1, 2, 3, 1] }, { shape: [2, 3, 5, 4, 7] }, { shape: [1, 7, 6, 9, 8] }];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`upsample2, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape`, async ({ shape }) => {
        const input = kit.peaky(shape, dtype);
        const expected = twin.forward(input);
        const output = kit.output(expected.shape, dtype);
        kit.run(upsample2.forward(kit.gpu, { input: kit.upload(input, dtype), output }));
        await kit.expectClose(output, expected);

        const dOutput = kit.peaky(expected.shape, dtype);
        const dInput = kit.output(shape, dtype);
        const call = { dOutput: kit.upload(dOutput, dtype), dInput };
        const gradient = twin.backward(dOutput);
        kit.run(upsample2.backward(kit.gpu, { ...call, accumulate: false }));
        await kit.expectClose(dInput, gradient);
        kit.run(upsample2.backward(kit.gpu, { ...call, accumulate: true }));
        await kit.expectClose(dInput, { shape, data: gradient.data.map((g) => 2 * g) });
      });
    }

    test('the twin agrees with central differences', () => {
      const x = kit.peaky([2, 1, 3, 2, 2]);
      const g = kit.peaky(twin.forward(x).shape);
      expectGradient(kit, x, (v) => dot(twin.forward(v), g), twin.backward(g));
    });
  });
}
