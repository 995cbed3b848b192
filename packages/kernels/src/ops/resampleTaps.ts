/**
 * Resampling along one axis by a table, which holds for each output the weights of the inputs beside it, whatever
 * interpolates: nearest, linear, or a spline whose prefilter the weights contain.
 *
 *   output[o, i, b] = Σ_k weight[i, k] · input[o, first[i] + k, b]
 *
 * Taps are added up one after another. Input may come in parts along the axis, each of which adds its own taps: the sum
 * is the same to the bit however it is cut, as long as parts come in their order.
 */
import type { Gpu } from '../device.ts';
import { i32, type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';

/** Values [outer, to − from, inner] in a tensor: indices [from, to) along the axis. */
export interface AxisPart {
  /** f32 */
  readonly tensor: Tensor;
  /** The element that the values begin at. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

export interface ResampleTaps {
  readonly input: AxisPart;
  readonly output: AxisPart;
  readonly outer: number;
  readonly inner: number;
  /** f32 [outputs along the axis, 1 + taps]: the first input's index, then the weights. */
  readonly table: Tensor;
  /** Whether the sums go on from what the output holds. */
  readonly adds?: boolean;
}

/** Throws where one of the `outer` rows does not fit a binding. */
export function resampleTaps(gpu: Gpu, call: ResampleTaps): Launch[] {
  const { input, output, outer, inner, table, adds = false } = call;
  const columns = table.shape[1]!;
  const length = input.to - input.from;
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
        inputFrom: i32(input.from),
        xShift: u32(x.shift),
        yShift: u32(y.shift),
        tShift: u32(t.shift),
        adds: u32(adds ? 1 : 0),
      },
      code: `
const TAPS = ${columns - 1};
@compute @workgroup_size(64) fn main(id: Id) {
  let e = invocation(id);
  if (e >= p.count) { return; }
  let row = p.tShift + (e / p.inner) % p.rows * u32(TAPS + 1);
  let first = i32(t[row]) - p.inputFrom;
  let low = max(0, -first); // the taps whose inputs this part holds
  let high = min(TAPS, i32(p.length) - first);
  let begin = p.xShift + e / (p.inner * p.rows) * p.length * p.inner + e % p.inner;
  var sum = 0.0;
  if (p.adds == 1u) { sum = y[p.yShift + e]; }
  for (var k = low; k < high; k++) {
    sum += t[row + 1u + u32(k)] * x[begin + u32(first + k) * p.inner];
  }
  y[p.yShift + e] = sum;
}`,
      invocations: (end - start) * rows * inner,
    });
  });
}
