/** Adding windows up against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { accumulateWindow as twin } from '../reference/accumulateWindow.ts';
import { reference, relativeError } from '../reference/array.ts';
import { ringRuns } from '../ring.ts';
import { downloadF32 } from '../tensor.ts';
import { accumulateWindow, type Mirrored } from './accumulateWindow.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`accumulateWindow, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test(`${dtype} windows that overlap, reach beyond both ends, are mirrored, and pass a ring's end`, async () => {
        const shape = [20, 13, 15, 14];
        const expected = reference(shape);
        const ring = 17; // planes 3 to 19 are held
        const volume = kit.zeros([ring, ...shape.slice(1)]);
        const size = [8, 8, 8];
        const weights = size.map((n) => Array.from({ length: n }, () => Math.fround(kit.random())));
        const table = kit.upload(reference([29], [...Array(5).fill(9), ...weights.flat()]));
        for (const [origin, mirrored] of [
          [
            [3, 0, 0],
            [false, false, false],
          ],
          [
            [4, 3, 5],
            [true, false, false],
          ],
          [
            [10, 5, 7],
            [false, true, true],
          ],
          [
            [12, 8, -3],
            [true, true, true],
          ],
          [
            [14, -2, 9],
            [false, true, false],
          ],
        ] as [[number, number, number], Mirrored][]) {
          const logits = kit.peaky([2, ...size, 14], dtype);
          const half = logits.data.length / 2;
          twin(expected, reference([...size, 14], logits.data.subarray(half)), origin, weights, mirrored);
          kit.run(
            accumulateWindow(kit.gpu, {
              logits: kit.upload(logits, dtype),
              item: 1,
              volume,
              depth: 20,
              origin,
              mirrored,
              weights: table,
              weightsAt: [5, 13, 21],
            }),
          );
        }
        const held = await downloadF32(kit.gpu, volume);
        const plane = 13 * 15 * 14;
        const inOrder = ringRuns(3, 20, ring).flatMap(({ from, to, at }) => [
          ...held.subarray(at * plane, (at + to - from) * plane),
        ]);
        expect(relativeError(inOrder, expected.data.subarray(3 * plane))).toBeLessThan(1e-5);
      });
    }
  });
}
