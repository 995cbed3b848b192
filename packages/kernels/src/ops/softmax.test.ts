/** Softmax, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/softmax.ts';
import * as softmax from './softmax.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`softmax, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each([[[1, 1, 2, 3, 2]], [[2, 9, 11, 13, 14]]])(`${dtype} %j`, async (shape) => {
        const input = kit.peaky(shape, dtype);
        const expected = twin.forward(input);
        const output = kit.output(shape, dtype);
        kit.run(softmax.forward(kit.gpu, { input: kit.upload(input, dtype), output }));
        await kit.expectClose(output, expected);
        const dOutput = kit.peaky(shape, dtype);
        const dInput = kit.output(shape, dtype);
        const y = kit.upload(expected, dtype);
        kit.run(softmax.backward(kit.gpu, { output: y, dOutput: kit.upload(dOutput, dtype), dInput }));
        await kit.expectClose(dInput, twin.backward(expected, dOutput));
      });
    }

    test('the twin agrees with central differences', () => {
      const x = kit.peaky([1, 1, 2, 3, 5]);
      const g = kit.peaky(x.shape);
      expectGradient(kit, x, (v) => dot(twin.forward(v), g), twin.backward(twin.forward(x), g));
    });
  });
}
