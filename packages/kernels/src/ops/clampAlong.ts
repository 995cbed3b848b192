/**
 * Values kept within bounds that depend on their place along one axis, in place.
 *
 *   x[o, i, b] ← min(max(x[o, i, b], bounds[i, 0]), bounds[i, 1])
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';

export interface ClampAlong {
  /** f32, taken as [outer, rows, inner] whatever its shape is. */
  readonly values: Tensor;
  readonly rows: number;
  readonly inner: number;
  /** f32 [B, 2], the least and the greatest value of each place; B is at least `first` + `rows`. */
  readonly bounds: Tensor;
  /** The place in `bounds` of row 0; 0 unless given. */
  readonly first?: number;
}

export function clampAlong(gpu: Gpu, { values, rows, inner, bounds, first = 0 }: ClampAlong): Launch[] {
  const count = elementCount(values.shape);
  return rowRanges(gpu, count, [{ tensor: values, rowElements: 1 }]).map(([start, end]) => {
    const x = viewOf(values, start, end);
    return prepare(gpu, {
      name: 'clampAlong',
      read: { bounds },
      write: { x },
      params: {
        start: u32(start),
        count: u32(end - start),
        shift: u32(x.shift),
        rows: u32(rows),
        inner: u32(inner),
        first: u32(first),
      },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i >= p.count) { return; }
  let row = 2u * (p.first + ((p.start + i) / p.inner) % p.rows);
  x[p.shift + i] = min(max(x[p.shift + i], bounds[row]), bounds[row + 1u]);
}`,
      invocations: end - start,
    });
  });
}
