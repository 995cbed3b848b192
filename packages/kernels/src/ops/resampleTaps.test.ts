/** Resampling by tables of taps, and keeping values within bounds, against the float64 twins. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/resampleTaps.ts';
import { downloadF32 } from '../tensor.ts';
import { clampAlong } from './clampAlong.ts';
import { resampleTaps } from './resampleTaps.ts';

const CASES = [
  { outer: 37, length: 61, inner: 1, rows: 45, taps: 32 },
  { outer: 3, length: 40, inner: 601, rows: 53, taps: 7 },
  { outer: 1, length: 9, inner: 1030, rows: 3, taps: 9 },
  { outer: 5, length: 1, inner: 3, rows: 4, taps: 1 },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`resampleTaps, ${name}`, options, (kit) => {
    test.each(CASES)('$taps taps, $length → $rows of [$outer, …, $inner]', async (sizes) => {
      const { outer, length, inner, rows, taps } = sizes;
      const input = kit.peaky([outer, length, inner]);
      const table = reference([rows, 1 + taps]);
      table.data.forEach((_, i) => {
        const isFirst = i % (1 + taps) === 0;
        table.data[i] = isFirst
          ? Math.floor(kit.random() * (length - taps + 1))
          : Math.fround(kit.random() - 0.3);
      });
      const call = {
        input: { tensor: kit.upload(input), at: 0, length },
        output: { tensor: kit.output([outer, rows, inner]), at: 0, from: 0, to: rows },
        outer,
        inner,
        table: kit.upload(table),
      };
      kit.run(resampleTaps(kit.gpu, call));
      await kit.expectClose(call.output.tensor, twin.resampleTaps(input, table), 5e-8);
      if (outer > 1) return;

      // Out of a ring that begins in the middle, into the middle of a tensor, it is the same.
      const whole = await downloadF32(kit.gpu, call.output.tensor);
      const turned = reference(input.shape);
      const turn = 2 * inner;
      turned.data.set(input.data.subarray(turn), 0);
      turned.data.set(input.data.subarray(0, turn), input.data.length - turn);
      table.data.forEach((first, i) => {
        if (i % (1 + taps) === 0) table.data[i] = first + length - 2;
      });
      const output = kit.output([rows + 1, inner]);
      kit.run(
        resampleTaps(kit.gpu, {
          ...call,
          input: { ...call.input, tensor: kit.upload(turned) },
          output: { tensor: output, at: inner, from: 1, to: rows },
          table: kit.upload(table),
        }),
      );
      const values = await downloadF32(kit.gpu, output);
      expect(values.subarray(inner, rows * inner)).toEqual(whole.subarray(inner));
      for (const untouched of [values.subarray(0, inner), values.subarray(rows * inner)])
        expect(untouched.every((value) => value === 777)).toBe(true);
    });

    test('each row is kept within its own bounds', async () => {
      const [outer, rows, inner] = [70, 9, 77];
      const values = kit.peaky([outer, rows, inner]);
      const bounds = reference([rows + 2, 2]);
      for (let row = 0; row < rows + 2; row++) bounds.data.set([-row / 8, row / 16], 2 * row);
      const tensor = kit.upload(values);
      kit.run(clampAlong(kit.gpu, { values: tensor, rows, inner, bounds: kit.upload(bounds), first: 2 }));
      const own = reference([rows, 2], bounds.data.subarray(4));
      expect(Array.from(await downloadF32(kit.gpu, tensor))).toEqual(
        Array.from(twin.clampAlong(values, own).data),
      );
    });
  });
}
