/** Resampling against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/resample.ts';
import { download, fromArray } from '../tensor.ts';
import * as resample from './resample.ts';

/** Centre-aligned maps, as the volume code makes them. */
const maps = (from: number[], to: number[], scales: number[]) =>
  from.map((n, i) => ({
    scale: scales[i]!,
    offset: (n - 1) / 2 - (scales[i]! * (to[i]! - 1)) / 2,
  })) as unknown as resample.AxisMaps;

const CASES = [
  { from: [5, 7, 9], to: [9, 14, 18], scales: [0.55, 0.5, 0.5] },
  { from: [40, 41, 43], to: [13, 20, 15], scales: [3.07, 2.05, 2.9] },
  { from: [1, 6, 1], to: [3, 2, 5], scales: [0.3, 3, 0.2] },
  { from: [70, 33, 31], to: [66, 32, 35], scales: [1.05, 1.03, 0.87] },
  { from: [4, 4, 4], to: [4, 4, 4], scales: [1, 1, 1] },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`resample, ${name}`, options, (kit) => {
    test.each(CASES)('trilinear $from → $to', async ({ from, to, scales }) => {
      const input = kit.peaky(from);
      const output = kit.output(to);
      const call = { input: kit.upload(input), output, maps: maps(from, to, scales) };
      kit.run(resample.trilinear(kit.gpu, call));
      await kit.expectClose(output, twin.trilinear(input, to, call.maps));
    });

    test.each(CASES)('nearest $from → $to', async ({ from, to, scales }) => {
      const size = from.reduce((a, b) => a * b, 1);
      const labels = Uint8Array.from({ length: size }, () => Math.floor(kit.random() * 14));
      const output = kit.empty(to, 'u8');
      const call = { input: fromArray(kit.gpu, labels, from), output, maps: maps(from, to, scales) };
      kit.run(resample.nearest(kit.gpu, call));
      const expected = twin.nearest(reference(from, labels), to, call.maps);
      expect(Array.from(await download(kit.gpu, output))).toEqual(Array.from(expected.data));
    });
  });
}
