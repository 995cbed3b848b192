/** Twins of `ops/resampleTaps.ts` and `ops/clampAlong.ts`, over [outer, along, inner]. */
import { type Reference, reference } from './array.ts';

/** `table` is [outputs, 1 + taps]: the first input's index, then the weights. */
export function resampleTaps({ shape, data }: Reference, table: Reference): Reference {
  const [outer, length, inner] = shape as [number, number, number];
  const [rows, columns] = table.shape as [number, number];
  const output = reference([outer, rows, inner]);
  output.data.forEach((_, e) => {
    const row = (Math.floor(e / inner) % rows) * columns;
    const o = Math.floor(e / (inner * rows));
    for (let k = 0; k < columns - 1; k++) {
      const at = table.data[row]! + k;
      output.data[e]! += table.data[row + 1 + k]! * data[(o * length + at) * inner + (e % inner)]!;
    }
  });
  return output;
}

/** `bounds` is [rows, 2]. */
export function clampAlong({ shape, data }: Reference, bounds: Reference): Reference {
  const [, rows, inner] = shape as [number, number, number];
  return reference(
    shape,
    data.map((value, e) => {
      const row = 2 * (Math.floor(e / inner) % rows);
      return Math.min(Math.max(value, bounds.data[row]!), bounds.data[row + 1]!);
    }),
  );
}
