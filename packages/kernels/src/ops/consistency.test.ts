/** The distance to a teacher against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, expectGradient, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/consistency.ts';
import { downloadF32 } from '../tensor.ts';
import { consistency } from './consistency.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`consistency, ${name}`, options, (kit) => {
    test.each([[[1, 1, 1, 1, 2]], [[2, 3, 5, 7, 14]], [[1, 20, 21, 13, 3]]])(
      'of logits %j',
      async (shape) => {
        const [logits, teacher] = [kit.peaky(shape), kit.peaky(shape)];
        const [loss, dLogits] = [kit.output([1]), kit.output(shape)];
        const call = { logits: kit.upload(logits), teacher: kit.upload(teacher), loss, dLogits, weight: 1 };
        const work = consistency(kit.gpu, call);
        work.setWeight(3);
        kit.run(work);
        await kit.expectClose(dLogits, twin.gradient(logits, teacher, 3));
        const [actual] = await downloadF32(kit.gpu, loss);
        expect(Math.abs(actual! / twin.loss(logits, teacher) - 1)).toBeLessThan(1e-5);
        expectGradient(kit, logits, (z) => twin.loss(z, teacher), twin.gradient(logits, teacher, 1));
      },
    );
  });
}
