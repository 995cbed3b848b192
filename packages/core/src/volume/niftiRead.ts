/**
 * Reading NIfTI as a stream: the header first, then the voxels in blocks. What a header claims is believed only
 * as far as bytes arrive, so a false one costs no memory, and reading stops where more arrives than it justifies.
 */
import { InputError } from '../inputError.ts';
import { ByteReader, type ByteSource } from './byteReader.ts';
import { gunzip } from './gzip.ts';
import { isInt64, swapBytes, valuesOf } from './niftiDtype.ts';
import { type NiftiHeader, niftiHeaderSize, parseNiftiHeader } from './niftiHeader.ts';
import type { VoxelArray } from './volume.ts';
import type { VolumeHeader } from './volumeHeader.ts';
import { arrayOf, type HeadedVolume, readVolume, type VolumeStream } from './volumeStream.ts';

/** A volume as a NIfTI file gave it; the header says how to write another on the same grid. */
export type NiftiVolume<T extends VoxelArray = VoxelArray> = HeadedVolume<T, NiftiHeader>;

/** The header of a NIfTI file, and its voxels in the file's order; they end after its checksum has proved right. */
export type NiftiStream = VolumeStream<NiftiHeader>;

const BLOCK_BYTES = 1 << 20;

/** Extensions lie between header and voxels; whole DICOM headers take a few MB. */
const MAX_EXTENSION_BYTES = 64 << 20;

/**
 * Reads the header of `file`, whose name says whether it is gzipped (.gz). The header of a .hdr/.img pair needs
 * `image`, its other file. Throws InputError.
 */
export async function openNifti(file: ByteSource, image?: ByteSource): Promise<NiftiStream> {
  const reader = readerOf(file);
  let source = reader;
  try {
    const header = await readHeader(reader, file.name);
    if (header.isPair) {
      if (!image) throw new InputError(`${file.name}: the header of a pair, without its .img file`);
      await drain(reader, file.name);
      source = readerOf(image);
      await skip(source, header.dataOffset, image.name);
    } else {
      if (image) throw new InputError(`${file.name}: the magic of a single file, in a .hdr/.img pair`);
      await skip(reader, header.dataOffset - (header.version === 1 ? 348 : 540), file.name);
    }
    const { name } = header.isPair && image ? image : file;
    return {
      name: file.name,
      header,
      voxels: () => voxelBlocks(source, header, name),
      cancel: () => source.cancel(),
    };
  } catch (error) {
    await source.cancel();
    throw error;
  }
}

/**
 * Reads a whole 3D image. Unscaled integers keep their type; scaled values become float32, or float64 where the
 * stored ones have more than 24 bits. Throws InputError, also for 4D with more than one volume.
 */
export async function readNifti(file: ByteSource, image?: ByteSource): Promise<NiftiVolume> {
  return readVolume(await openNifti(file, image), arrayOf, (out, block, at) => out.set(block, at));
}

/** Reads a 3D label map, whatever type its labels are stored in. Throws InputError where one is not 0 to 255. */
export async function readLabels(file: ByteSource, image?: ByteSource): Promise<NiftiVolume<Uint8Array>> {
  const nifti = await openNifti(file, image);
  return readVolume(
    nifti,
    () => Uint8Array,
    (out, block, at) => {
      out.set(block, at);
      if (block instanceof Uint8Array) return;
      for (let i = 0; i < block.length; i++)
        if (out[at + i] !== block[i])
          throw notALabel(file.name, nifti.header, at + i, block[i], 'whole numbers from 0 to 255');
    },
  );
}

/** The fault of a voxel, given by its place in the file's order, whose value is not among the `expected` labels. */
export function notALabel(
  name: string,
  { shape: [nx, ny], scaling }: VolumeHeader,
  at: number,
  value: number,
  expected: string,
): InputError {
  const voxel = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))].join(', ');
  const cause = scaling
    ? `; the header made it, by scl_slope ${scaling.slope} and scl_inter ${scaling.intercept}`
    : '';
  return new InputError(`${name}: voxel (${voxel}) is ${value}; labels are ${expected}${cause}`);
}

function readerOf({ bytes, name, inflate }: ByteSource): ByteReader {
  return new ByteReader(/\.gz$/i.test(name) ? gunzip(bytes, name, inflate) : bytes);
}

async function readHeader(reader: ByteReader, name: string): Promise<NiftiHeader> {
  const start = new Uint8Array(4);
  const got = await reader.fill(start);
  if (got === 0) throw new InputError(`${name}: the file is empty`);
  if (got === 4 && start[0] === 0x1f && start[1] === 0x8b) {
    throw new InputError(`${name}: the content is gzip, the name does not end in .gz`);
  }
  const size = niftiHeaderSize(start);
  if (got === 4 && !size) throw new InputError(`${name}: not NIfTI: the first four bytes are no header size`);
  const bytes = new Uint8Array(size?.bytes ?? 348);
  bytes.set(start);
  const length = got + (await reader.fill(bytes.subarray(4)));
  if (length < bytes.length) {
    throw new InputError(`${name}: the header is cut short: ${length} of ${bytes.length} bytes`);
  }
  return parseNiftiHeader(bytes, name);
}

async function skip(reader: ByteReader, count: number, name: string): Promise<void> {
  if (count > MAX_EXTENSION_BYTES)
    throw new InputError(`${name}: vox_offset leaves ${count} bytes to extensions`);
  if ((await reader.skip(count)) < count) throw new InputError(`${name}: the file ends before its voxels`);
}

/** Reads on to the end, where a gzipped header's checksum is. */
async function drain(reader: ByteReader, name: string): Promise<void> {
  await reader.skip(MAX_EXTENSION_BYTES);
  if (!(await reader.atEnd())) throw new InputError(`${name}: holds more than a header and its extensions`);
}

async function* voxelBlocks(
  reader: ByteReader,
  header: NiftiHeader,
  name: string,
): AsyncGenerator<VoxelArray> {
  const { dtype, littleEndian, scaling, shape } = header;
  const total = shape.reduce((product, n) => product * n, dtype.bytes);
  const buffer = new ArrayBuffer(Math.min(BLOCK_BYTES, total));
  try {
    for (let done = 0; done < total; ) {
      const bytes = new Uint8Array(buffer, 0, Math.min(BLOCK_BYTES, total - done));
      const got = await reader.fill(bytes);
      if (got < bytes.length) {
        throw new InputError(`${name}: the voxels are cut short: ${done + got} of ${total} bytes`);
      }
      if (!littleEndian) swapBytes(bytes, dtype.bytes);
      const stored = valuesOf(dtype, buffer, bytes.length / dtype.bytes);
      if (isInt64(dtype)) assertExact(stored, dtype.name, name);
      yield scaling ? scaled(stored, scaling) : stored;
      done += got;
    }
    if (!(await reader.atEnd())) {
      throw new InputError(`${name}: holds more than the ${total} bytes of voxels that its header justifies`);
    }
  } finally {
    await reader.cancel();
  }
}

function scaled(
  stored: VoxelArray,
  { slope, intercept }: { slope: number; intercept: number },
): Float64Array {
  const values = new Float64Array(stored.length);
  for (let i = 0; i < stored.length; i++) values[i] = stored[i] * slope + intercept;
  return values;
}

function assertExact(values: VoxelArray, dtype: string, name: string): void {
  const inexact = values.find((value) => !Number.isSafeInteger(value));
  if (inexact !== undefined) throw new InputError(`${name}: the ${dtype} value ${inexact} is beyond 2^53`);
}
