/** Twin of `ops/deform.ts`, over [D, H, W]. */
import { type Reference, reference } from './array.ts';

export interface TwinDeformation {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
  /** [gD, gH, gW, 4] */
  readonly control?: Reference | undefined;
}

/** Cox–de Boor's cubic basis on whole knots, of a point so far from the function's centre. */
function spline(x: number): number {
  const a = Math.abs(x);
  if (a < 1) return 2 / 3 - a * a + a ** 3 / 2;
  return a < 2 ? (2 - a) ** 3 / 6 : 0;
}

/** The place in the input of each voxel of the output. */
export function sources(
  shape: readonly number[],
  { matrix, offset, control }: TwinDeformation,
): [number, number, number][] {
  const [D, H, W] = shape as [number, number, number];
  const all: [number, number, number][] = [];
  for (let d = 0; d < D; d++)
    for (let h = 0; h < H; h++)
      for (let w = 0; w < W; w++) {
        const v = [d, h, w];
        const u = control ? displacement(v, shape, control) : [0, 0, 0];
        all.push(
          [0, 1, 2].map(
            (r) => offset[r]! + u[r]! + v.reduce((sum, x, c) => sum + matrix[3 * r + c]! * x, 0),
          ) as [number, number, number],
        );
      }
  return all;
}

function displacement(v: readonly number[], shape: readonly number[], control: Reference): number[] {
  const [gD, gH, gW] = control.shape as [number, number, number];
  const t = v.map((x, axis) =>
    shape[axis]! > 1 ? (x * (control.shape[axis]! - 3)) / (shape[axis]! - 1) : 0,
  );
  const u = [0, 0, 0];
  for (let i = 0; i < gD; i++)
    for (let j = 0; j < gH; j++)
      for (let k = 0; k < gW; k++) {
        // The first point lies one knot before the first voxel.
        const weight = spline(t[0]! - i + 1) * spline(t[1]! - j + 1) * spline(t[2]! - k + 1);
        for (let axis = 0; axis < 3; axis++)
          u[axis]! += weight * control.data[((i * gH + j) * gW + k) * 4 + axis]!;
      }
  return u;
}

function at({ shape, data }: Reference, [d, h, w]: readonly number[]): number {
  const [D, H, W] = shape as [number, number, number];
  if (d! < 0 || h! < 0 || w! < 0 || d! >= D || h! >= H || w! >= W) return 0;
  return data[(d! * H + h!) * W + w!]!;
}

export function deformImage(input: Reference, shape: readonly number[], call: TwinDeformation): Reference {
  return reference(
    shape,
    sources(shape, call).map((x) => {
      const low = x.map(Math.floor);
      let sum = 0;
      for (let corner = 0; corner < 8; corner++) {
        const upper = [corner >> 2, (corner >> 1) & 1, corner & 1];
        const share = x.reduce((s, value, n) => s * (upper[n] ? value - low[n]! : 1 - value + low[n]!), 1);
        sum +=
          share *
          at(
            input,
            low.map((l, n) => l + upper[n]!),
          );
      }
      return sum;
    }),
  );
}

export const deformLabels = (input: Reference, shape: readonly number[], call: TwinDeformation): Reference =>
  reference(
    shape,
    sources(shape, call).map((x) =>
      at(
        input,
        x.map((value) => Math.floor(value + 0.5)),
      ),
    ),
  );
