/** Mirroring against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/flip.ts';
import { download, fromArray } from '../tensor.ts';
import { flip } from './flip.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`flip, ${name}`, options, (kit) => {
    test.each([
      [[3, 5, 7], false, false, true],
      [[3, 5, 7], false, true, false],
      [[3, 5, 7], true, true, true],
      // Larger than 128 KiB, the labels too.
      [[55, 51, 49], false, true, true],
      [[55, 51, 49], true, false, false],
    ] as [number[], boolean, boolean, boolean][])('%j along D %s, H %s, W %s', async (shape, ...axes) => {
      const count = shape.reduce((a, b) => a * b);
      const image = kit.peaky(shape);
      const output = kit.output(shape);
      kit.run(flip(kit.gpu, { input: kit.upload(image), output, axes }));
      await kit.expectClose(output, twin.flip(image, axes), 1e-12);

      const labels = Uint8Array.from({ length: count }, () => Math.floor(kit.random() * 256));
      const flipped = kit.empty(shape, 'u8');
      kit.run(flip(kit.gpu, { input: fromArray(kit.gpu, labels, shape), output: flipped, axes }));
      const expected = twin.flip(reference(shape, labels), axes);
      expect(Array.from(await download(kit.gpu, flipped))).toEqual(Array.from(expected.data));
    });
  });
}
