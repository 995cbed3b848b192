/** Labels of logits against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { argmax as twin } from '../reference/argmax.ts';
import { download } from '../tensor.ts';
import { argmax } from './argmax.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`argmax, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each([[[1, 1, 3, 2]], [[13, 11, 17, 14]]])(`${dtype} %j`, async (shape) => {
        const logits = kit.peaky(shape, dtype);
        logits.data.fill(0.5, 0, 4); // ties go to the first
        const labels = kit.empty(shape.slice(0, 3), 'u8');
        kit.run(argmax(kit.gpu, { logits: kit.upload(logits, dtype), labels }));
        expect(Array.from(await download(kit.gpu, labels))).toEqual(twin(logits));

        const regions = Array.from({ length: shape.at(-1)! }, (_, c) => 200 - 7 * c);
        logits.data.fill(-1, 4, 6);
        kit.run(argmax(kit.gpu, { logits: kit.upload(logits, dtype), labels, regions }));
        expect(Array.from(await download(kit.gpu, labels))).toEqual(twin(logits, regions));
      });
    }
  });
}
