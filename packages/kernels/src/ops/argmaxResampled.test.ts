/** Labels of interpolated logits against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/resampledLogits.ts';
import { download, fromArray } from '../tensor.ts';
import { type ArgmaxResampled, argmaxResampled } from './argmaxResampled.ts';
import { probabilitiesResampled } from './probabilitiesResampled.ts';
import { linearTable } from './resample.ts';

const CLASSES = 5;

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`argmaxResampled, ${name}`, options, (kit) => {
    test.each([
      { from: [5, 11, 13], to: [9, 17, 29], scales: [0.5, 0.65, 0.44] },
      { from: [6, 1, 17], to: [4, 3, 8], scales: [1.5, 0.3, 2.1] },
    ])('$from → $to: labels and probabilities of interpolated logits', async ({ from, to, scales }) => {
      const logits = kit.peaky([...from, CLASSES]);
      logits.data.fill(0, 0, logits.data.length / 3); // no window was there
      const maps = from.map((n, i) => ({
        scale: scales[i]!,
        offset: (n - 1) / 2 - (scales[i]! * (to[i]! - 1)) / 2,
      })) as [never, never, never];
      const voxels = to.reduce((a, b) => a * b, 1);
      const interpolated = twin.resampledLogits(logits, to, maps);
      const tables = maps.map((map, axis) => linearTable(map, from[axis]!, to[axis]!));
      const table = kit.upload(reference([to[1]! + to[2]!, 2], [...tables[1]!, ...tables[2]!].flat()));
      const planeStride = Math.ceil((to[1]! * to[2]!) / 256) * 256;
      const labels = kit.empty([to[0]!, planeStride], 'u8');
      const source = kit.upload(logits);
      const labelsOf = async (kind: Pick<ArgmaxResampled, 'regions' | 'least'> = {}) => {
        kit.run(
          tables[0]!.map(([lower, share], plane) =>
            argmaxResampled(kit.gpu, {
              logits: source,
              planes: [lower, Math.min(lower + 1, from[0]! - 1)],
              share,
              table,
              size: [to[1]!, to[2]!],
              labels,
              planeStride,
              plane,
              ...kind,
            }),
          ),
        );
        const padded = await download(kit.gpu, labels);
        return Array.from({ length: voxels }, (_, i) => {
          const plane = Math.floor(i / (to[1]! * to[2]!));
          return padded[plane * planeStride + (i % (to[1]! * to[2]!))]!;
        });
      };
      const got = await labelsOf();
      const expected = twin.argmaxResampled(logits, to, maps);
      // But where the two largest are equal to rounding.
      got.forEach((label, i) => {
        const values = interpolated.data.subarray(i * CLASSES, (i + 1) * CLASSES);
        if (label !== expected[i]) expect(values[label]! - values[expected[i]!]!).toBeCloseTo(0, 4);
      });
      expect(got.filter((label, i) => label !== expected[i]).length).toBeLessThan(3);

      const regions = [3, 7, 250, 2, 9];
      const expectedRegions = twin.argmaxResampled(logits, to, maps, regions);
      const gotRegions = await labelsOf({ regions });
      expect(gotRegions.filter((label, i) => label !== expectedRegions[i]).length).toBeLessThan(3);

      // About half of the labels are less probable than this; the second class counts always.
      const least = [0.5, 0, 0.55, 0.5, 0.6];
      const expectedPseudo = twin.pseudoLabelsResampled(logits, to, maps, least);
      const gotPseudo = await labelsOf({ least: fromArray(kit.gpu, Float32Array.from(least), [CLASSES]) });
      expect(gotPseudo.filter((label, i) => label !== expectedPseudo[i]).length).toBeLessThan(3);
      const ignored = gotPseudo.filter((label) => label === IGNORED).length / gotPseudo.length;
      expect(ignored).toBeGreaterThan(0.1);
      expect(ignored).toBeLessThan(0.9);
      expect(gotPseudo[0]).toBe(PSEUDO); // air

      // The probabilities of one plane.
      const [plane, voxelsOf] = [2, to[1]! * to[2]!];
      const probabilities = kit.empty([CLASSES, planeStride], 'u8');
      const [lower, share] = tables[0]![plane]!;
      const planes = [lower, Math.min(lower + 1, from[0]! - 1)] as const;
      const size = [to[1]!, to[2]!] as const;
      const call = { logits: source, planes, share, table, size, probabilities };
      for (const [areRegions, expected] of [
        [false, twin.softmaxResampled(logits, to, maps)],
        [true, twin.sigmoidResampled(logits, to, maps)],
      ] as const) {
        kit.run([probabilitiesResampled(kit.gpu, { ...call, areRegions })]);
        const shares = await download(kit.gpu, probabilities);
        const exact = expected.data.subarray(plane * voxelsOf * CLASSES);
        for (let i = 0; i < voxelsOf * CLASSES; i++) {
          const share = shares[(i % CLASSES) * planeStride + Math.floor(i / CLASSES)]!;
          expect(Math.abs(share - exact[i]!)).toBeLessThan(0.51);
        }
      }
    });
  });
}
