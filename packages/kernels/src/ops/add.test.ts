/** Sums of two tensors, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/add.ts';
import * as add from './add.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`add, ${name}`, options, (kit) => {
    test.each(['f32', 'f16'] as const)('%s', async (dtype) => {
      const shape = [2, 11, 13, 17, 9]; // more than one binding of 128 KiB, of no multiple of 256 elements
      const [a, b] = [kit.peaky(shape, dtype), kit.peaky(shape, dtype)];
      const output = kit.output(shape, dtype);
      const inputs = { a: kit.upload(a, dtype), b: kit.upload(b, dtype) };
      kit.run(add.forward(kit.gpu, { ...inputs, output }));
      await kit.expectClose(output, twin.forward(a, b));
      const dInput = kit.output(shape, dtype);
      kit.run(add.backward(kit.gpu, { dOutput: inputs.a, dInput, accumulate: false }));
      await kit.expectClose(dInput, a);
      kit.run(add.backward(kit.gpu, { dOutput: inputs.b, dInput, accumulate: true }));
      await kit.expectClose(dInput, twin.forward(a, b));
    });
  });
}
