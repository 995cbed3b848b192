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
    test.each<[Dhw, number[], Dhw, Dhw]>([
      [[3, 5, 7], [], [1, 2, 3], [1, 2, 3]],
      [[3, 5, 7], [2], [0, 0, 0], [3, 5, 7]],
      [[3, 5, 7], [3], [2, 4, 6], [1, 1, 1]],
      [[3, 5, 7], [], [1, 1, 1], [2, 0, 2]],
      // Larger than 128 KiB, the labels too.
      [[55, 51, 49], [], [3, 5, 6], [50, 33, 37]],
    ])('patches %j of channels %j, a box from %j of %j', async (shape, channels, from, size) => {
      const patch = () => {
        const image = kit.peaky([...shape, ...channels]);
        const count = shape[0] * shape[1] * shape[2];
        const labels = Uint8Array.from({ length: count }, () => Math.floor(kit.random() * 256));
        return {
          twins: { image, labels: reference(shape, labels) },
          image: kit.upload(image),
          labels: fromArray(kit.gpu, labels, shape),
        };
      };
      const [inside, outside] = [patch(), patch()];
      const output = { image: kit.output([...shape, ...channels]), labels: kit.empty(shape, 'u8') };
      kit.run(mixPatches(kit.gpu, { inside, outside, box: { from, size }, output }));
      for (const part of ['image', 'labels'] as const) {
        const expected = twin(inside.twins[part], outside.twins[part], from, size);
        expect(Float64Array.from(await download(kit.gpu, output[part]))).toEqual(expected.data);
      }
    });
  });
}
