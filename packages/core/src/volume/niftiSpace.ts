/**
 * How a NIfTI header places its voxels in the world: up to two affines, sform (any) and qform (a rotation as a
 * quaternion, and the voxel sizes), each with a code that says what it refers to, 0 for "absent".
 * Source: nifti1.h, and nibabel for which one counts.
 */
import { affineFromRows, determinant, spacingOf } from './affine.ts';
import { type Affine, type Xyz, xyz } from './volume.ts';

/** A header's space as it stands: lengths in the header's own unit. */
export interface NiftiSpace {
  readonly sformCode: number;
  readonly sform: Affine;
  readonly qformCode: number;
  /** b, c, d of the unit quaternion a + bi + cj + dk with a ≥ 0. */
  readonly quaternion: Xyz;
  readonly qoffset: Xyz;
  /** −1 where the voxel axes are left-handed: the third one is turned round. */
  readonly qfac: 1 | -1;
  /** The voxel sizes that the header states, as numbers of the file's precision (float32 in NIfTI-1). */
  readonly pixdim: Xyz;
  /** NIfTI's xyzt_units as it stands: bits 0 to 2 the unit of space, 3 to 5 that of time. */
  readonly units: number;
}

/** What places the voxels: the sform if its code is > 0, else the qform if its code is > 0, else the voxel sizes. */
export function affineSource({ sformCode, qformCode }: NiftiSpace): 'sform' | 'qform' | 'pixdim' {
  return sformCode > 0 ? 'sform' : qformCode > 0 ? 'qform' : 'pixdim';
}

/** Voxel index → world mm, whatever the header's unit. */
export function affineOfSpace(space: NiftiSpace, shape: Xyz): Affine {
  const source = affineSource(space);
  const affine =
    source === 'sform'
      ? space.sform
      : source === 'qform'
        ? qformAffine(space)
        : pixdimAffine(space.pixdim, shape);
  return unitOf(space) === 'm' || unitOf(space) === 'µm'
    ? affine.map((value, i) => (i < 12 ? inMm(value, space) : value))
    : affine;
}

/** The voxel sizes that the header states, in mm, in float32: what decides which voxels are within a tolerance. */
export function statedSpacingMm(space: NiftiSpace): Xyz {
  return xyz((axis) => Math.fround(inMm(space.pixdim[axis], space)));
}

/** The unit of space; lengths in an unknown one are taken for mm. */
export const unitOf = ({ units }: NiftiSpace): 'm' | 'mm' | 'µm' | 'unknown' =>
  (['unknown', 'm', 'mm', 'µm'] as const)[units & 7] ?? 'unknown';

function inMm(length: number, space: NiftiSpace): number {
  const unit = unitOf(space);
  return unit === 'm' ? length * 1000 : unit === 'µm' ? length / 1000 : length;
}

/** A space for an affine that came from no file: scanner coordinates in mm; a qform where there is no shear. */
export function spaceOfAffine(affine: Affine): NiftiSpace {
  const pixdim = spacingOf(affine);
  const qfac = determinant(affine) < 0 ? -1 : 1;
  const column = (j: number) => {
    const length = pixdim[j] * (j === 2 ? qfac : 1);
    return [affine[j] / length, affine[4 + j] / length, affine[8 + j] / length];
  };
  const [x, y, z] = [column(0), column(1), column(2)];
  const dot = (a: number[], b: number[]) => Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
  const isSheared = Math.max(dot(x, y), dot(y, z), dot(z, x)) > 1e-5;
  return {
    sformCode: 1,
    sform: affine,
    qformCode: isSheared ? 0 : 1,
    quaternion: isSheared ? [0, 0, 0] : quaternionOf(x, y, z),
    qoffset: [affine[3], affine[7], affine[11]],
    qfac,
    pixdim,
    units: 2,
  };
}

/** Sum of squares of b, c and d beyond which they are no part of a unit quaternion, rounding allowed for. */
const MAX_SQUARES = 1.001;

export const isRotation = ([b, c, d]: Xyz): boolean => b * b + c * c + d * d <= MAX_SQUARES;

function qformAffine({ quaternion, qoffset, qfac, pixdim }: NiftiSpace): Affine {
  let [b, c, d] = quaternion;
  const squares = b * b + c * c + d * d;
  let a = 0;
  // Within float32's rounding of a half turn, a is 0 (nibabel's threshold) and b, c, d are the whole.
  if (1 - squares > 3 * 2 ** -23) {
    a = Math.sqrt(1 - squares);
  } else {
    [b, c, d] = [b, c, d].map((part) => part / Math.sqrt(squares));
  }
  const [sx, sy, sz] = [pixdim[0], pixdim[1], pixdim[2] * qfac];
  return affineFromRows([
    [(a * a + b * b - c * c - d * d) * sx, 2 * (b * c - a * d) * sy, 2 * (b * d + a * c) * sz, qoffset[0]],
    [2 * (b * c + a * d) * sx, (a * a + c * c - b * b - d * d) * sy, 2 * (c * d - a * b) * sz, qoffset[1]],
    [2 * (b * d - a * c) * sx, 2 * (c * d + a * b) * sy, (a * a + d * d - b * b - c * c) * sz, qoffset[2]],
  ]);
}

/** nibabel's and SPM's last resort: LAS+ with the world's origin at the centre of the grid. */
function pixdimAffine([sx, sy, sz]: Xyz, [nx, ny, nz]: Xyz): Affine {
  return affineFromRows([
    [-sx, 0, 0, (sx * (nx - 1)) / 2],
    [0, sy, 0, (-sy * (ny - 1)) / 2],
    [0, 0, sz, (-sz * (nz - 1)) / 2],
  ]);
}

/** b, c, d of the rotation with these columns, worked out from the largest of a², b², c², d² for precision. */
function quaternionOf([xx, xy, xz]: number[], [yx, yy, yz]: number[], [zx, zy, zz]: number[]): Xyz {
  const fourSquares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const products = [
    [fourSquares[0], yz - zy, zx - xz, xy - yx],
    [yz - zy, fourSquares[1], yx + xy, zx + xz],
    [zx - xz, yx + xy, fourSquares[2], zy + yz],
    [xy - yx, zx + xz, zy + yz, fourSquares[3]],
  ];
  const largest = fourSquares.indexOf(Math.max(...fourSquares));
  const [a, b, c, d] = products[largest].map((product) => product / (2 * Math.sqrt(fourSquares[largest])));
  return a < 0 ? [-b, -c, -d] : [b, c, d];
}
