/**
 * Resampling along one axis by a table, which holds for each output the weights of the inputs beside it, whatever
 * interpolates: nearest, linear, or a spline whose prefilter the weights contain.
 *
 *   output[o, i, b] = Σ_k weight[i, k] · input[o, first[i] + k, b]
 *
 * What rounding loses of the sum is summed too and added in the end (Neumaier): values are as exact as their storage. Of
 * the input's axis a ring may be held (`ring.ts`).
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';

export interface ResampleTaps {
  /** f32 [outer, length, inner] from the element `at` on; index j of the axis lies at j mod `length`. */
  readonly input: { readonly tensor: Tensor; readonly at: number; readonly length: number };
  /** f32 [outer, to − from, inner] from the element `at` on: indices [from, to) of the axis. */
  readonly output: {
    readonly tensor: Tensor;
    readonly at: number;
    readonly from: number;
    readonly to: number;
  };
  readonly outer: number;
  readonly inner: number;
  /** f32 [outputs along the axis, 1 + taps]: the first input's index, then the weights. */
  readonly table: Tensor;
}

/** Throws where one of the `outer` rows does not fit a binding. */
export function resampleTaps(gpu: Gpu, { input, output, outer, inner, table }: ResampleTaps): Launch[] {
  const columns = table.shape[1]!;
  const { length } = input;
  const rows = output.to - output.from;
  const fitting = [
    { tensor: input.tensor, rowElements: length * inner },
    { tensor: output.tensor, rowElements: rows * inner },
  ];
  return rowRanges(gpu, outer, fitting).map(([start, end]) => {
    const [xAt, yAt] = [input.at + start * length * inner, output.at + start * rows * inner];
    const x = viewOf(input.tensor, xAt, xAt + (end - start) * length * inner);
    const y = viewOf(output.tensor, yAt, yAt + (end - start) * rows * inner);
    const t = viewOf(table, output.from * columns, output.to * columns);
    return prepare(gpu, {
      name: 'resampleTaps',
      read: { x, t },
      write: { y },
      params: {
        count: u32((end - start) * rows * inner),
        inner: u32(inner),
        length: u32(length),
        rows: u32(rows),
        xShift: u32(x.shift),
        yShift: u32(y.shift),
        tShift: u32(t.shift),
        zero: u32(0),
      },
      code: `
const TAPS = ${columns - 1}u;
// A sum as it was rounded: compilers take (a + b) − a for b unless they cannot see that it is one.
fn rounded(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ p.zero); }
@compute @workgroup_size(64) fn main(id: Id) {
  let e = invocation(id);
  if (e >= p.count) { return; }
  let row = p.tShift + (e / p.inner) % p.rows * (TAPS + 1u);
  var place = u32(t[row]) % p.length;
  let begin = p.xShift + e / (p.inner * p.rows) * p.length * p.inner + e % p.inner;
  var sum = 0.0;
  var lost = 0.0;
  for (var k = 0u; k < TAPS; k++) {
    let term = t[row + 1u + k] * x[begin + place * p.inner];
    let next = rounded(sum + term);
    let grown = rounded(next - sum);
    lost += (sum - (next - grown)) + (term - grown);
    sum = next;
    place = select(place + 1u, 0u, place + 1u == p.length);
  }
  y[p.yShift + e] = sum + lost;
}`,
      invocations: (end - start) * rows * inner,
    });
  });
}
