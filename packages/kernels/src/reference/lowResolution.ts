/** Twin of `ops/lowResolution.ts`: down and up again, axis by axis. */
import { type Reference, reference } from './array.ts';

export function lowResolution(image: Reference, zooms: readonly number[]): Reference {
  return zooms.reduce((input, zoom, axis) => {
    const n = input.shape[axis]!;
    const stride = input.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const m = Math.max(1, Math.round(zoom * n));
    const output = reference(input.shape);
    output.data.forEach((_, i) => {
      const at = Math.floor(i / stride) % n;
      const line = i - at * stride;
      const coarse = (j: number) => {
        const inside = Math.min(m - 1, Math.max(0, j));
        return input.data[line + Math.floor(((inside + 0.5) * n) / m) * stride]!;
      };
      const x = ((at + 0.5) * m) / n - 0.5;
      const lower = Math.floor(x);
      output.data[i] = coarse(lower) * (1 - x + lower) + coarse(lower + 1) * (x - lower);
    });
    return output;
  }, image);
}
