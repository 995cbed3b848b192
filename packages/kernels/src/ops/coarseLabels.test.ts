/** Labels at lower resolutions against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/coarseLabels.ts';
import { download, fromArray } from '../tensor.ts';
import { coarseLabels } from './coarseLabels.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`coarseLabels, ${name}`, options, (kit) => {
    test.each([
      { from: [1, 2, 2, 2, 1], to: [1, 1, 1, 1, 1] },
      { from: [2, 6, 10, 14, 1], to: [2, 3, 5, 7, 1] },
      { from: [3, 5, 16, 12, 1], to: [3, 5, 4, 3, 1] },
    ])('$from → $to', async ({ from, to }) => {
      const size = from.reduce((a, b) => a * b, 1);
      const labels = Uint8Array.from({ length: size }, () => Math.floor(kit.random() * 256));
      const output = kit.empty(to, 'u8');
      kit.run(coarseLabels(kit.gpu, { input: fromArray(kit.gpu, labels, from), output }));
      const expected = twin.coarseLabels(reference(from, labels), to);
      expect(Array.from(await download(kit.gpu, output))).toEqual(Array.from(expected.data));
    });
  });
}
