/** Average pooling, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/avgPool3d.ts';
import * as avgPool3d from './avgPool3d.ts';

// One channel, odd sizes, anisotropic strides, and planes of which several bindings are needed.
const CASES = [
  { shape: [1, 2, 2, 2, 1], stride: [2, 2, 2] as const },
  { shape: [2, 3, 10, 6, 7], stride: [1, 2, 2] as const },
  { shape: [2, 12, 14, 18, 8], stride: [2, 2, 3] as const },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`avgPool3d, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape, stride $stride`, async ({ shape, stride }) => {
        const input = kit.peaky(shape, dtype);
        const expected = twin.forward(input, stride);
        const output = kit.output(expected.shape, dtype);
        kit.run(avgPool3d.forward(kit.gpu, { input: kit.upload(input, dtype), output, stride }));
        await kit.expectClose(output, expected);

        const dOutput = kit.peaky(expected.shape, dtype);
        const dInput = kit.output(shape, dtype);
        const call = { dOutput: kit.upload(dOutput, dtype), dInput, stride };
        const gradient = twin.backward(shape, dOutput, stride);
        kit.run(avgPool3d.backward(kit.gpu, { ...call, accumulate: false }));
        await kit.expectClose(dInput, gradient);
        kit.run(avgPool3d.backward(kit.gpu, { ...call, accumulate: true }));
        await kit.expectClose(dInput, { ...gradient, data: gradient.data.map((g) => 2 * g) });
      });
    }

    test('the twin agrees with central differences', () => {
      const x = kit.peaky([2, 2, 4, 6, 3]);
      const stride = [1, 2, 3] as const;
      const g = kit.peaky(twin.forward(x, stride).shape);
      expectGradient(kit, x, (v) => dot(twin.forward(v, stride), g), twin.backward(x.shape, g, stride));
    });
  });
}
