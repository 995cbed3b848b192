/**
 * The header of a NIfTI-1 or NIfTI-2 file, checked. nifti-reader-js takes the fields apart; it is handed the
 * header alone, because its reading of extensions can be led round in circles by a hostile one, and which
 * affine counts is decided here, because it prefers the qform in NIfTI-1 and knows only the sform in NIfTI-2.
 */
import { NIFTI1, NIFTI2 } from 'nifti-reader-js';
import { InputError } from '../inputError.ts';
import { affineFromRows, determinant, spacingOf } from './affine.ts';
import { dtypeName, NIFTI_DTYPES } from './niftiDtype.ts';
import { affineOfSpace, affineSource, isRotation, type NiftiSpace } from './niftiSpace.ts';
import type { Affine, Xyz } from './volume.ts';
import type { VolumeHeader } from './volumeHeader.ts';

export interface NiftiHeader extends VolumeHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** The header of a .hdr/.img pair: the voxels lie in another file. */
  readonly isPair: boolean;
  /** Where the voxels start in their file. */
  readonly dataOffset: number;
}

/** Bytes of a header by its first four bytes and the byte order in which they make sense; null where in none. */
export function niftiHeaderSize(start: Uint8Array): { bytes: 348 | 540; littleEndian: boolean } | null {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  for (const littleEndian of [true, false]) {
    const bytes = view.getInt32(0, littleEndian);
    if (bytes === NIFTI1.MAGIC_COOKIE || bytes === NIFTI2.MAGIC_COOKIE) return { bytes, littleEndian };
  }
  return null;
}

/** Parses a header of exactly 348 or 540 bytes. Throws InputError, naming the file and the first fault. */
export function parseNiftiHeader(bytes: Uint8Array<ArrayBuffer>, name: string): NiftiHeader {
  const fault = (text: string) => new InputError(`${name}: ${text}`);
  const version = bytes.length === NIFTI1.MAGIC_COOKIE ? 1 : 2;
  const isPair = isPairMagic(bytes, version, fault);
  const raw = version === 1 ? new NIFTI1() : new NIFTI2();
  raw.readHeader(bytes.buffer);

  const shape = shapeOf(raw.dims, fault);
  const dtype = NIFTI_DTYPES.get(raw.datatypeCode);
  if (!dtype) {
    const kind = `${dtypeName(raw.datatypeCode)} (${raw.datatypeCode})`;
    throw fault(`the data type is ${kind}; expected one real number per voxel`);
  }
  if (raw.numBitsPerVoxel !== 8 * dtype.bytes) {
    throw fault(`bitpix is ${raw.numBitsPerVoxel}, but ${dtype.name} has ${8 * dtype.bytes} bits`);
  }
  const dataBytes = shape.reduce((product, n) => product * n, dtype.bytes);
  if (!Number.isSafeInteger(dataBytes)) throw fault(`${shape.join('×')} voxels are more than any file holds`);

  const space = spaceOf(raw, bytes, version);
  const affine = affineOfSpace(space, [shape[0], shape[1], shape[2]]);
  checkAffine(space, affine, fault);
  return {
    version,
    littleEndian: raw.littleEndian,
    isPair,
    shape,
    dtype,
    scaling: scalingOf(raw.scl_slope, raw.scl_inter, fault),
    dataOffset: dataOffsetOf(raw.vox_offset, isPair ? 0 : bytes.length + 4, fault),
    affine,
    space,
    unstatedSizes:
      affineSource(space) === 'sform'
        ? []
        : [0, 1, 2].filter((axis) => shape[axis] > 1 && !isSize(Math.abs(raw.pixDims[axis + 1]))),
  };
}

const isSize = (length: number) => length > 0 && Number.isFinite(length);

type Fault = (text: string) => InputError;

/** "n+1" or "n+2" for a single file, "ni1" or "ni2" for a pair; NIfTI-2 adds bytes that text mode would break. */
function isPairMagic(bytes: Uint8Array, version: 1 | 2, fault: Fault): boolean {
  const magic = String.fromCharCode(...(version === 1 ? bytes.subarray(344, 348) : bytes.subarray(4, 12)));
  const end = version === 1 ? '1\0' : '2\0\r\n\x1a\n';
  if (magic !== `n+${end}` && magic !== `ni${end}`) {
    throw fault(`the magic is ${JSON.stringify(magic)}, expected "n+${version}" or "ni${version}"`);
  }
  return magic.startsWith('ni');
}

/** dim[1] to dim[dim[0]], filled up with 1 to three numbers. */
function shapeOf(dims: readonly number[], fault: Fault): number[] {
  const rank = dims[0];
  if (!(rank >= 1 && rank <= 7)) throw fault(`dim[0] is ${rank}, expected 1 to 7`);
  const shape = dims.slice(1, rank + 1);
  const bad = shape.findIndex((n) => n < 1);
  if (bad >= 0) throw fault(`dim[${bad + 1}] is ${shape[bad]}, expected at least 1`);
  while (shape.length < 3) shape.push(1);
  return shape;
}

/** As nibabel: no scaling where the slope is 0 or not finite, whatever the intercept. */
function scalingOf(slope: number, intercept: number, fault: Fault): NiftiHeader['scaling'] {
  if (slope === 0 || !Number.isFinite(slope)) return null;
  if (!Number.isFinite(intercept)) throw fault(`scl_inter is ${intercept}`);
  return slope === 1 && intercept === 0 ? null : { slope, intercept };
}

/** In a single file 0 means "right after the header", which many writers mean and some write. */
function dataOffsetOf(offset: number, first: number, fault: Fault): number {
  if (offset === 0) return first;
  if (!(offset >= first && Number.isSafeInteger(offset))) {
    throw fault(`vox_offset is ${offset}, expected a whole number of at least ${first}`);
  }
  return offset;
}

function spaceOf(raw: NIFTI1 | NIFTI2, bytes: Uint8Array, version: 1 | 2): NiftiSpace {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Read from the bytes: in NIfTI-1 the parser overwrites its own matrix with the qform.
  const srow = (row: number, column: number) =>
    version === 1
      ? view.getFloat32(280 + 4 * (4 * row + column), raw.littleEndian)
      : view.getFloat64(400 + 8 * (4 * row + column), raw.littleEndian);
  const sform = affineFromRows([0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => srow(row, column))));
  const sformSpacing = raw.sform_code > 0 ? spacingOf(sform) : [1, 1, 1];
  const size = (axis: number) => {
    const stated = Math.abs(raw.pixDims[axis + 1]);
    return isSize(stated) ? stated : sformSpacing[axis];
  };
  return {
    sformCode: raw.sform_code,
    sform,
    qformCode: raw.qform_code,
    quaternion: [raw.quatern_b, raw.quatern_c, raw.quatern_d],
    qoffset: [raw.qoffset_x, raw.qoffset_y, raw.qoffset_z],
    qfac: raw.pixDims[0] < 0 ? -1 : 1,
    pixdim: [size(0), size(1), size(2)] satisfies Xyz,
    units: raw.xyzt_units,
  };
}

function checkAffine(space: NiftiSpace, affine: Affine, fault: Fault): void {
  const source = affineSource(space);
  if (source === 'qform' && !isRotation(space.quaternion)) {
    throw fault(`the qform's quaternion (${space.quaternion.join(', ')}) is not a rotation`);
  }
  if (!affine.every(Number.isFinite)) throw fault(`the ${source} is not finite`);
  const [sx, sy, sz] = spacingOf(affine);
  // Relative to the voxel's size, so that small and large ones are judged alike.
  if (!(Math.abs(determinant(affine)) > 1e-6 * sx * sy * sz)) throw fault(`the ${source} is singular`);
}
