/** Sums of confidence against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/confidence.ts';
import { downloadF32 } from '../tensor.ts';
import { confidence } from './confidence.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`confidence, ${name}`, options, (kit) => {
    test.each([
      [[1, 1, 1, 2], 0],
      [[5, 7, 9, 14], 3],
      [[21, 20, 19, 3], 256],
      [[3, 5, 9, 118], 1],
    ] as [number[], number][])(
      'of logits %j from voxel %i on, added to what is there',
      async (shape, first) => {
        const logits = kit.peaky(shape);
        const classes = shape.at(-1)!;
        const before = Array.from({ length: 3 * classes }, (_, i) => i % 7);
        const sums = kit.upload(reference([classes, 3], before));
        kit.run(confidence(kit.gpu, { logits: kit.upload(logits), sums, first }));
        const expected = twin.confidence(logits, first);
        (await downloadF32(kit.gpu, sums)).forEach((sum, i) => {
          const voxels = expected[i - (i % 3)]!;
          expect(Math.abs(sum - before[i]! - expected[i]!)).toBeLessThan(1e-5 * (1 + voxels));
        });
      },
    );
  });
}

test('one class sure, all alike: the least and the greatest entropy', () => {
  expect(twin.confidence(reference([2, 3], [0, 50, 0, 0, 0, 1e-9]))).toEqual([
    ...[0, 0, 0],
    ...[1, expect.closeTo(1, 6), expect.closeTo(0, 6)],
    ...[1, expect.closeTo(1 / 3, 6), expect.closeTo(1, 6)],
  ]);
});
