/**
 * Slices of RAS+ volumes as radiologists look at them: from the feet or the front, the patient's right on the
 * picture's left; from the patient's left side, the front on the left; the head or the front up. In all three the
 * picture's columns and rows run against the volume's axes.
 */
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { Grid, Volume, VoxelArray, Xyz } from '@organseg/core/volume/volume.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';

export interface Plane {
  readonly name: 'axial' | 'coronal' | 'sagittal';
  /** Axes of the volume along the picture's columns, its rows, and through it: 0 x, 1 y, 2 z. */
  readonly axes: { readonly across: number; readonly down: number; readonly through: number };
  /** Directions of the body at the picture's edges: R, L, A, P, H(ead), F(eet). */
  readonly edges: {
    readonly left: string;
    readonly right: string;
    readonly top: string;
    readonly bottom: string;
  };
}

export const PLANES: readonly Plane[] = [
  plane('axial', 0, 1),
  plane('coronal', 0, 2),
  plane('sagittal', 1, 2),
];

function plane(name: Plane['name'], across: number, down: number): Plane {
  const [high, low] = ['RAH', 'LPF'];
  return {
    name,
    axes: { across, down, through: 3 - across - down },
    edges: { left: high[across], right: low[across], top: high[down], bottom: low[down] },
  };
}

/** A picture: its pixels row by row from the top left. */
export interface Raster<T extends ArrayLike<number> = ArrayLike<number>> {
  readonly width: number;
  readonly height: number;
  readonly data: T;
}

/** A slice of a RAS+ volume, one pixel for each voxel. */
export function sliceOf<T extends VoxelArray>(
  { shape, data }: Volume<T>,
  { axes }: Plane,
  index: number,
): Raster<Float32Array> {
  const strides = [1, shape[0], shape[0] * shape[1]];
  const [width, height] = [shape[axes.across], shape[axes.down]];
  const out = new Float32Array(width * height);
  let to = 0;
  for (let y = height - 1; y >= 0; y--) {
    const row = index * strides[axes.through] + y * strides[axes.down];
    for (let x = width - 1; x >= 0; x--) out[to++] = data[row + x * strides[axes.across]];
  }
  return { width, height, data: out };
}

/** The largest picture of the plane with square pixels that fits into the frame. */
export function pictureSize(
  { shape, affine }: Grid,
  { axes }: Plane,
  frame: { width: number; height: number },
) {
  const spacingMm = spacingOf(affine);
  const widthMm = shape[axes.across] * spacingMm[axes.across];
  const heightMm = shape[axes.down] * spacingMm[axes.down];
  const scale = Math.min(frame.width / widthMm, frame.height / heightMm);
  return {
    width: Math.max(1, Math.round(widthMm * scale)),
    height: Math.max(1, Math.round(heightMm * scale)),
  };
}

/**
 * The slice along each axis that shows most of the organs: the sum over the labels of the label's area there as
 * a share of its largest area along this axis, so that a small organ counts as much as the liver. The middle
 * slices of a volume without labels.
 */
export function tellingSlices({ shape, data }: Volume<Uint8Array>): Xyz {
  const areas = shape.map((n) => new Uint32Array(n * 256));
  for (let z = 0, i = 0; z < shape[2]; z++) {
    for (let y = 0; y < shape[1]; y++) {
      for (let x = 0; x < shape[0]; x++, i++) {
        const label = data[i];
        if (label === 0 || label === IGNORED) continue;
        areas[0][x * 256 + label]++;
        areas[1][y * 256 + label]++;
        areas[2][z * 256 + label]++;
      }
    }
  }
  return [telling(areas[0]), telling(areas[1]), telling(areas[2])];
}

/** The slice that shows most, by the areas `[slice · 256 + label]` in voxels. */
function telling(area: Uint32Array): number {
  const largest = new Uint32Array(256);
  for (let i = 0; i < area.length; i++) largest[i % 256] = Math.max(largest[i % 256], area[i]);
  const slices = area.length / 256;
  let [best, most] = [slices >> 1, 0];
  for (let slice = 0; slice < slices; slice++) {
    let shown = 0;
    for (let label = 1; label < 256; label++) {
      if (largest[label]) shown += area[slice * 256 + label] / largest[label];
    }
    if (shown > most) [best, most] = [slice, shown];
  }
  return best;
}
