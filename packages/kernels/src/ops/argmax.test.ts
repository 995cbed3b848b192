/** Labels of logits against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import { pseudoLabels, argmax as twin } from '../reference/argmax.ts';
import { download, fromArray } from '../tensor.ts';
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

      test.each([[[1, 1, 3, 2]], [[13, 11, 17, 14]]])(`pseudo-labels of ${dtype} %j`, async (shape) => {
        const logits = kit.peaky(shape, dtype);
        logits.data.fill(0, 0, 2 * shape.at(-1)!); // air
        const labels = kit.empty(shape.slice(0, 3), 'u8');
        // About half the labels are less probable than this; the second class counts always.
        const least = Array.from({ length: shape.at(-1)! }, (_, c) =>
          c === 1 ? 0 : 0.65 - 0.035 * shape.at(-1)!,
        );
        const call = { labels, least: fromArray(kit.gpu, Float32Array.from(least), [least.length]) };
        kit.run(argmax(kit.gpu, { ...call, logits: kit.upload(logits, dtype) }));
        const expected = pseudoLabels(logits, least);
        expect(Array.from(await download(kit.gpu, labels))).toEqual(expected);
        expect(expected.slice(0, 2)).toEqual([PSEUDO, PSEUDO]);
        if (expected.length > 3) {
          const ignored = expected.filter((label) => label === IGNORED).length / expected.length;
          expect(ignored).toBeGreaterThan(0.2);
          expect(ignored).toBeLessThan(0.8);
        }
      });
    }
  });
}
