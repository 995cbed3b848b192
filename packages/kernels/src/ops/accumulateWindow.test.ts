import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { accumulateWindow as twin } from '../reference/accumulateWindow.ts';
import { reference } from '../reference/array.ts';
import { accumulateWindow } from './accumulateWindow.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`accumulateWindow, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test(`${dtype} windows that overlap, and one beyond the end`, async () => {
        const expected = reference([20, 13, 15, 14]);
        const volume = kit.zeros(expected.shape);
        const size = [8, 8, 8];
        const weights = size.map((n) => Array.from({ length: n }, () => Math.fround(kit.random())));
        const table = kit.upload(reference([24], weights.flat()));
        for (const origin of [
          [0, 0, 0],
          [4, 3, 5],
          [12, 5, 7],
          [14, 8, 0],
        ] as [number, number, number][]) {
          const logits = kit.peaky([1, ...size, 14], dtype);
          twin(expected, logits, origin, weights);
          kit.run(
            accumulateWindow(kit.gpu, { logits: kit.upload(logits, dtype), volume, origin, weights: table }),
          );
        }
        await kit.expectClose(volume, expected);
      });
    }
  });
}
