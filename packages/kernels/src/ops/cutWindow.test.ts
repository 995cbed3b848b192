/** Cutting windows out against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import { cutWindow as twin } from '../reference/cutWindow.ts';
import { ringRuns } from '../ring.ts';
import { downloadF32 } from '../tensor.ts';
import type { Mirrored } from './accumulateWindow.ts';
import { cutWindow } from './cutWindow.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`cutWindow, ${name}`, options, (kit) => {
    test('windows inside, beyond every side, mirrored, and over the end of a ring', async () => {
      const shape = [31, 17, 19] as const;
      const whole = kit.peaky(shape);
      const ring = 14;
      const plane = 17 * 19;
      // Planes 13 to 26 of the volume.
      const held = reference([ring, 17, 19]);
      for (const { from, to, at } of ringRuns(13, 27, ring))
        held.data.set(whole.data.subarray(from * plane, to * plane), at * plane);
      const volume = kit.upload(held);
      const size = [9, 8, 12] as const;
      for (const [origin, mirrored] of [
        [
          [13, 4, 3],
          [false, false, false],
        ],
        [
          [17, -3, 10],
          [true, false, true],
        ],
        [
          [18, 12, -5],
          [false, true, false],
        ],
      ] as [[number, number, number], Mirrored][]) {
        for (const [channels, channel] of [
          [1, 0],
          [3, 2],
        ] as const) {
          const windows = kit.output([3, ...size, channels]);
          const call = { volume, depth: 31, origin, mirrored, windows, item: 1, channel };
          kit.run(cutWindow(kit.gpu, call));
          const values = await downloadF32(kit.gpu, windows);
          const isCut = (_: number, i: number) =>
            i % channels === channel && Math.floor(i / channels / 864) === 1;
          expect(Array.from(values.filter(isCut))).toEqual(
            Array.from(twin(whole, size, origin, mirrored).data),
          );
          expect(values.every((value, i) => isCut(value, i) || value === 777)).toBe(true);
        }
      }
    });
  });
}
