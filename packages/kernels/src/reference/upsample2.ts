/** Twin of `ops/upsample2.ts`: one axis after another. */
import { type Reference, reference } from './array.ts';

/** Calls `visit(coarse, fine, share)` for every product along an axis (1, 2, 3) of a tensor of this shape. */
function products(
  shape: readonly number[],
  axis: number,
  visit: (coarse: number, fine: number, share: number) => void,
): void {
  const size = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const clamp = (i: number) => Math.min(size - 1, Math.max(0, i));
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < size; i++)
      for (let k = 0; k < 2; k++)
        for (let c = 0; c < inner; c++) {
          const fine = (o * 2 * size + 2 * i + k) * inner + c;
          visit((o * size + i) * inner + c, fine, 0.75);
          visit((o * size + clamp(i + 2 * k - 1)) * inner + c, fine, 0.25);
        }
}

export function forward(input: Reference): Reference {
  let x = input;
  for (const axis of [1, 2, 3]) {
    const y = reference(x.shape.with(axis, 2 * x.shape[axis]!));
    products(x.shape, axis, (coarse, fine, share) => {
      y.data[fine]! += share * x.data[coarse]!;
    });
    x = y;
  }
  return x;
}

export function backward(dOutput: Reference): Reference {
  let g = dOutput;
  for (const axis of [3, 2, 1]) {
    const dx = reference(g.shape.with(axis, g.shape[axis]! / 2));
    products(dx.shape, axis, (coarse, fine, share) => {
      dx.data[coarse]! += share * g.data[fine]!;
    });
    g = dx;
  }
  return g;
}
