/** Writing NIfTI-1 single files (.nii.gz): a volume with the space, codes and units of the case it belongs to. */
import { type Codec, gzip } from './gzip.ts';
import { isInt64, NIFTI_DTYPES } from './niftiDtype.ts';
import { affineOfSpace, type NiftiSpace, spaceOfAffine } from './niftiSpace.ts';
import type { Grid, Volume, VoxelArray } from './volume.ts';

/** The header, and four bytes that say whether extensions follow. */
const HEADER_BYTES = 352;

/** Bytes between header and voxels; `code` says what they are. */
export interface NiftiExtension {
  readonly code: number;
  readonly content: Uint8Array;
}

const CHUNK_BYTES = 1 << 20;

/**
 * The bytes of a .nii.gz, made as they are read; the same volume gives the same bytes.
 * `space` is the case's (`header.space` of what was read); a volume that came from no file needs none.
 * `extensions` lie between header and voxels. Throws where the volume does not lie on the space's grid, or is larger than NIfTI-1's 16-bit dimensions.
 */
export function encodeNifti(
  volume: Volume,
  space = spaceOfAffine(volume.affine),
  extensions: readonly NiftiExtension[] = [],
  deflate: Codec = gzip,
): AsyncIterable<Uint8Array> {
  const between = extensions.map(extensionBytes);
  const header = niftiHeaderBytes(volume, space, between);
  return deflate(inChunks([header, ...between], volume.data));
}

/** The first bytes of an unpacked .nii of several volumes on one grid, whose bytes stand for 255ths. */
export function sharesHeader(grid: Grid, volumes: number, space: NiftiSpace): Uint8Array {
  const volume = { ...grid, data: new Uint8Array() };
  const bytes = niftiHeaderBytes(volume, space, []);
  const view = new DataView(bytes.buffer);
  view.setInt16(40, 4, true); // dim[0]
  view.setInt16(48, volumes, true); // dim[4]
  view.setFloat32(112, 1 / 255, true); // scl_slope
  return bytes;
}

/** Size and code, the content, and zeros up to a multiple of 16 bytes. */
function extensionBytes({ code, content }: NiftiExtension): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((8 + content.length) / 16) * 16);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, bytes.length, true);
  view.setInt32(4, code, true);
  bytes.set(content, 8);
  return bytes;
}

/** The bytes of a .nii before its extensions and voxels. */
export function niftiHeaderBytes(
  { shape, affine, data }: Volume,
  space = spaceOfAffine(affine),
  extensions: readonly Uint8Array[] = [],
): Uint8Array<ArrayBuffer> {
  if (shape.some((n) => n > 32767))
    throw new Error(`NIfTI-1 holds at most 32767 voxels an axis, got [${shape}]`);
  const written = affineOfSpace(space, shape);
  if (affine.some((value, i) => Math.abs(value - written[i]) > 1e-4 * Math.max(1, Math.abs(value)))) {
    throw new Error(`NIfTI: the volume's affine [${affine}] is not that of its space [${written}]`);
  }
  const [code, bits] = datatypeOf(data);

  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const int16 = (at: number, ...values: number[]) =>
    values.forEach((value, i) => {
      view.setInt16(at + 2 * i, value, true);
    });
  const float32 = (at: number, ...values: number[]) =>
    values.forEach((value, i) => {
      view.setFloat32(at + 4 * i, value, true);
    });
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);

  view.setInt32(0, 348, true);
  int16(40, 3, ...shape, 1, 1, 1, 1); // dim
  int16(70, code, bits);
  float32(76, space.qfac, ...space.pixdim, 1, 1, 1, 1); // pixdim
  float32(
    108,
    extensions.reduce((sum, { length }) => sum + length, HEADER_BYTES),
  ); // vox_offset
  float32(112, 1, 0); // scl_slope, scl_inter
  view.setUint8(123, space.units);
  text(148, 'organseg'); // descrip
  int16(252, space.qformCode, space.sformCode);
  float32(256, ...space.quaternion, ...space.qoffset);
  float32(280, ...space.sform.subarray(0, 12)); // srow_x, srow_y, srow_z
  text(344, 'n+1');
  view.setUint8(348, extensions.length ? 1 : 0);
  return bytes;
}

/** NIfTI's datatype code and bitpix. */
function datatypeOf(data: VoxelArray): readonly [number, number] {
  const [code, { bytes }] = [...NIFTI_DTYPES].find(
    ([, dtype]) => data instanceof dtype.array && !isInt64(dtype),
  )!;
  return [code, 8 * bytes];
}

async function* inChunks(before: readonly Uint8Array[], data: VoxelArray): AsyncGenerator<Uint8Array> {
  yield* before;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}
