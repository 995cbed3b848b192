/** Twin of `ops/resample.ts`, over [D, H, W]. */
import type { AxisMaps } from '../ops/resample.ts';
import { type Reference, reference } from './array.ts';

const clamp = (x: number, size: number) => Math.min(size - 1, Math.max(0, x));

function* voxels([D, H, W]: readonly number[]): Generator<[number, number, number, number]> {
  for (let d = 0, i = 0; d < D!; d++)
    for (let h = 0; h < H!; h++) for (let w = 0; w < W!; w++, i++) yield [i, d, h, w];
}

export function trilinear(input: Reference, shape: readonly number[], maps: AxisMaps): Reference {
  const output = reference(shape);
  const [D, H, W] = input.shape as [number, number, number];
  for (const [i, ...target] of voxels(shape)) {
    const x = target.map((t, axis) => clamp(maps[axis]!.scale * t + maps[axis]!.offset, input.shape[axis]!));
    for (let corner = 0; corner < 8; corner++) {
      let share = 1;
      const at = x.map((value, axis) => {
        const lower = Math.floor(value);
        const upper = (corner >> axis) & 1;
        share *= upper ? value - lower : 1 - (value - lower);
        return clamp(lower + upper, [D, H, W][axis]!);
      }) as [number, number, number];
      output.data[i]! += share * input.data[(at[0] * H + at[1]) * W + at[2]]!;
    }
  }
  return output;
}

export function nearest(input: Reference, shape: readonly number[], maps: AxisMaps): Reference {
  const output = reference(shape);
  const [, H, W] = input.shape as [number, number, number];
  for (const [i, ...target] of voxels(shape)) {
    const at = target.map((t, axis) =>
      clamp(Math.floor(maps[axis]!.scale * t + maps[axis]!.offset + 0.5 + 1e-4), input.shape[axis]!),
    ) as [number, number, number];
    output.data[i] = input.data[(at[0] * H + at[1]) * W + at[2]]!;
  }
  return output;
}
