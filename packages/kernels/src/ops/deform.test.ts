/** Deformation against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/deform.ts';
import { download, fromArray } from '../tensor.ts';
import { deform } from './deform.ts';

/** A turn about W by 25°, then one about D by −20°, scaled by 0.8, about the centres. */
function turned(from: readonly number[], to: readonly number[]) {
  const [a, b] = [(25 * Math.PI) / 180, (-20 * Math.PI) / 180];
  const [ca, sa, cb, sb] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  const matrix = [ca, -sa, 0, cb * sa, cb * ca, -sb, sb * sa, sb * ca, cb].map((x) => Math.fround(0.8 * x));
  const offset = [0, 1, 2].map((r) =>
    Math.fround(
      (from[r]! - 1) / 2 - [0, 1, 2].reduce((sum, c) => sum + (matrix[3 * r + c]! * (to[c]! - 1)) / 2, 0),
    ),
  ) as [number, number, number];
  return { matrix, offset };
}

const CASES = [
  { from: [7, 9, 11], to: [7, 9, 11], grid: undefined },
  { from: [13, 6, 9], to: [5, 7, 10], grid: [4, 5, 6] },
  { from: [1, 6, 5], to: [3, 1, 5], grid: [4, 4, 4] },
  { from: [30, 31, 33], to: [29, 27, 31], grid: [7, 5, 9] },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`deform, ${name}`, options, (kit) => {
    test.each(CASES)('$from → $to, control points $grid', async ({ from, to, grid }) => {
      const field = grid && kit.peaky([...grid, 4]);
      const call = turned(from, to);
      const control = field && kit.upload(field);
      const image = kit.peaky(from);
      const output = kit.output(to);
      kit.run(deform(kit.gpu, { input: kit.upload(image), output, ...call, control }));
      await kit.expectClose(output, twin.deformImage(image, to, { ...call, control: field }));

      const size = from.reduce((a, b) => a * b, 1);
      const labels = Uint8Array.from({ length: size }, () => Math.floor(kit.random() * 256));
      const moved = kit.empty(to, 'u8');
      kit.run(deform(kit.gpu, { input: fromArray(kit.gpu, labels, from), output: moved, ...call, control }));
      const expected = twin.deformLabels(reference(from, labels), to, { ...call, control: field });
      const isClear = twin
        .sources(to, { ...call, control: field })
        .map((x) => x.every((value) => Math.abs(value - Math.round(value)) < 0.499));
      const actual = await download(kit.gpu, moved);
      expect(Array.from(actual, (label, i) => (isClear[i] ? label : 0))).toEqual(
        Array.from(expected.data, (label, i) => (isClear[i] ? label : 0)),
      );
      expect(isClear.filter(Boolean).length).toBeGreaterThan(0.9 * isClear.length);
    });
  });
}
