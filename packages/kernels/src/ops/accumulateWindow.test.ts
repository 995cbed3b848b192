/** Adding windows up against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { accumulateWindow as twin } from '../reference/accumulateWindow.ts';
import { reference, relativeError } from '../reference/array.ts';
import { ringRuns } from '../ring.ts';
import { downloadF32, fromArray } from '../tensor.ts';
import { accumulateWindow, type Mirrored, NOT_MIRRORED, windowTable } from './accumulateWindow.ts';

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

    test('some classes of the volume, the first of which another window has given', async () => {
      const shape = [4, 5, 6];
      const volume = kit.zeros([...shape, 7]);
      const expected = reference([...shape, 7]);
      const logits = kit.peaky([1, ...shape, 4], 'f32');
      logits.data.forEach((value, i) => {
        if (i % 4 > 0) expected.data[7 * Math.floor(i / 4) + 2 + (i % 4)] = value; // classes 3, 4 and 5
      });
      const call = {
        logits: kit.upload(logits),
        item: 0,
        volume,
        depth: 4,
        origin: [0, 0, 0],
        mirrored: NOT_MIRRORED,
        weights: kit.upload(reference([6], Array(6).fill(1))),
        weightsAt: [0, 0, 0],
      } as const;
      kit.run(accumulateWindow(kit.gpu, { ...call, channels: { firstClass: 2, skip: 1 } }));
      expect(relativeError(await downloadF32(kit.gpu, volume), expected.data)).toBe(0);
      const beyond = { ...call, channels: { firstClass: 4, skip: 0 } };
      expect(() => accumulateWindow(kit.gpu, beyond)).toThrow(/does not fit/);
    });

    test('weights that are no product over the axes, divided by their sum at each voxel', async () => {
      const size = [9, 7, 10] as const;
      const patch = [6, 8, 4] as const; // wider than the volume along H
      const origins = [[0, 3], [-1], [0, 2, 4, 6]];
      const table = windowTable(size, patch, origins);
      const map = reference(
        patch,
        Array.from({ length: 192 }, () => 0.1 + kit.random()),
      );
      const volume = kit.zeros([9, 7, 6, 2]); // columns 4 to 9
      const expected = new Float64Array(9 * 7 * 6 * 2);
      const sums = new Float64Array(9 * 7 * 10);
      const inWindow = (
        take: (at: number, weight: number, voxel: number) => void,
        z0: number,
        x0: number,
      ) => {
        for (let i = 0; i < 192; i++) {
          const [z, y, x] = [z0 + Math.floor(i / 32), (Math.floor(i / 4) % 8) - 1, x0 + (i % 4)];
          if (y >= 0 && y < 7) take((z * 7 + y) * 10 + x, map.data[i]!, i);
        }
      };
      for (const z of origins[0]!)
        for (const x of origins[2]!) inWindow((at, weight) => (sums[at] += weight), z, x);
      const weights = {
        map: kit.upload(map),
        windows: fromArray(kit.gpu, table, [table.length]),
        scale: 0.5,
        size,
        left: 4,
      };
      for (const z of origins[0]!)
        for (const x of origins[2]!.filter((first) => first > 0)) {
          const logits = kit.peaky([1, ...patch, 2], 'f32');
          inWindow(
            (at, weight, voxel) => {
              const column = (at % 10) - 4;
              for (let c = 0; column >= 0 && c < 2; c++)
                expected[(Math.floor(at / 10) * 6 + column) * 2 + c]! +=
                  ((0.5 * weight) / sums[at]!) * logits.data[2 * voxel + c]!;
            },
            z,
            x,
          );
          const call = { logits: kit.upload(logits), item: 0, volume, depth: 9, weights };
          const placed = {
            origin: [z, -1, x - 4] as const,
            mirrored: NOT_MIRRORED,
            weightsAt: [0, 0, 0] as const,
          };
          kit.run(accumulateWindow(kit.gpu, { ...call, ...placed }));
        }
      expect(relativeError(await downloadF32(kit.gpu, volume), expected)).toBeLessThan(1e-5);
    });
  });
}
