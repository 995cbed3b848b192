/** Mixed patches against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import type { Dhw } from '../axes.ts';
import { reference } from '../reference/array.ts';
import { mixPatches as twin } from '../reference/mixPatches.ts';
import { download, fromArray } from '../tensor.ts';
import { mixPatches } from './mixPatches.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`mixPatches, ${name}`, options, (kit) => {
    test.each<[Dhw, number, Dhw, Dhw]>([
      [[3, 5, 7], 1, [1, 2, 3], [1, 2, 3]],
      [[3, 5, 7], 2, [0, 0, 0], [3, 5, 7]],
      [[3, 5, 7], 3, [2, 4, 6], [1, 1, 1]],
      [[3, 5, 7], 1, [1, 1, 1], [2, 0, 2]],
      // Larger than 128 KiB, the labels too.
      [[55, 51, 49], 1, [3, 5, 6], [50, 33, 37]],
    ])('patches %j of %i channels, a box from %j of %j', async (shape, channels, from, size) => {
      const patch = () => {
        const images = Array.from({ length: channels }, () => kit.peaky(shape));
        const count = shape[0] * shape[1] * shape[2];
        const labels = Uint8Array.from({ length: count }, () => Math.floor(kit.random() * 256));
        return {
          twins: [...images, reference(shape, labels)],
          images: images.map((image) => kit.upload(image)),
          labels: fromArray(kit.gpu, labels, shape),
        };
      };
      const [inside, outside] = [patch(), patch()];
      const images = inside.images.map(() => kit.output(shape));
      const output = { images, labels: kit.empty(shape, 'u8') };
      kit.run(mixPatches(kit.gpu, { inside, outside, box: { from, size }, output }));
      for (const [i, part] of [...images, output.labels].entries()) {
        const expected = twin(inside.twins[i]!, outside.twins[i]!, from, size);
        expect(Float64Array.from(await download(kit.gpu, part))).toEqual(expected.data);
      }
    });
  });
}
