/** Labels of interpolated logits against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { argmax } from '../reference/argmax.ts';
import { reference } from '../reference/array.ts';
import { trilinear } from '../reference/resample.ts';
import { download } from '../tensor.ts';
import { argmaxResampled } from './argmaxResampled.ts';
import { linearTable } from './resample.ts';
import { softmaxResampled } from './softmaxResampled.ts';

const CLASSES = 5;

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`argmaxResampled, ${name}`, options, (kit) => {
    test.each([
      { from: [5, 11, 13], to: [9, 17, 29], scales: [0.5, 0.65, 0.44] },
      { from: [6, 1, 17], to: [4, 3, 8], scales: [1.5, 0.3, 2.1] },
    ])('$from → $to: argmax and softmax of interpolated logits', async ({ from, to, scales }) => {
      const logits = kit.peaky([...from, CLASSES]);
      const maps = from.map((n, i) => ({
        scale: scales[i]!,
        offset: (n - 1) / 2 - (scales[i]! * (to[i]! - 1)) / 2,
      })) as [never, never, never];
      // One channel after another by the twins.
      const voxels = to.reduce((a, b) => a * b, 1);
      const interpolated = reference([...to, CLASSES]);
      for (let c = 0; c < CLASSES; c++) {
        const channel = reference(
          from,
          logits.data.filter((_, i) => i % CLASSES === c),
        );
        trilinear(channel, to, maps).data.forEach((value, i) => {
          interpolated.data[i * CLASSES + c] = value;
        });
      }
      const tables = maps.map((map, axis) => linearTable(map, from[axis]!, to[axis]!));
      const table = kit.upload(reference([to[1]! + to[2]!, 2], [...tables[1]!, ...tables[2]!].flat()));
      const planeStride = Math.ceil((to[1]! * to[2]!) / 256) * 256;
      const labels = kit.empty([to[0]!, planeStride], 'u8');
      const source = kit.upload(logits);
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
          }),
        ),
      );
      const padded = await download(kit.gpu, labels);
      const got = Array.from({ length: voxels }, (_, i) => {
        const plane = Math.floor(i / (to[1]! * to[2]!));
        return padded[plane * planeStride + (i % (to[1]! * to[2]!))]!;
      });
      const expected = argmax(interpolated);
      // But where the two largest are equal to rounding.
      got.forEach((label, i) => {
        const values = interpolated.data.subarray(i * CLASSES, (i + 1) * CLASSES);
        if (label !== expected[i]) expect(values[label]! - values[expected[i]!]!).toBeCloseTo(0, 4);
      });
      expect(got.filter((label, i) => label !== expected[i]).length).toBeLessThan(3);

      // The probabilities of one plane.
      const [plane, voxelsOf] = [2, to[1]! * to[2]!];
      const probabilities = kit.empty([CLASSES, planeStride], 'u8');
      const [lower, share] = tables[0]![plane]!;
      const planes = [lower, Math.min(lower + 1, from[0]! - 1)] as const;
      const size = [to[1]!, to[2]!] as const;
      kit.run([softmaxResampled(kit.gpu, { logits: source, planes, share, table, size, probabilities })]);
      const shares = await download(kit.gpu, probabilities);
      for (let i = 0; i < voxelsOf; i++) {
        const at = (plane * voxelsOf + i) * CLASSES;
        const exponentials = Array.from(interpolated.data.subarray(at, at + CLASSES), Math.exp);
        const total = exponentials.reduce((a, b) => a + b);
        exponentials.forEach((e, c) => {
          expect(Math.abs(shares[c * planeStride + i]! - (255 * e) / total)).toBeLessThan(0.51);
        });
      }
    });
  });
}
