/**
 * Reading NIfTI as a stream: the header first, then the voxels in blocks. What a header claims is believed only
 * as far as bytes arrive, so a false one costs no memory, and reading stops where more arrives than it justifies.
 */
import { InputError } from '../inputError.ts';
import { ByteReader, type ByteSource } from './byteReader.ts';
import { gunzip } from './gzip.ts';
import { isInt64, swapBytes, type VoxelArrayType, valuesOf } from './niftiDtype.ts';
import { type NiftiHeader, niftiHeaderSize, parseNiftiHeader } from './niftiHeader.ts';
import { assertScanSize, type ScanDoubt, scanDoubts, VoxelSummary } from './scanDoubts.ts';
import { type Volume, type VoxelArray, voxelCount, type Xyz } from './volume.ts';

/** A volume as a NIfTI file gave it; the header says how to write another on the same grid. */
export interface NiftiVolume<T extends VoxelArray = VoxelArray> extends Volume<T> {
  readonly header: NiftiHeader;
}

export interface NiftiStream {
  readonly header: NiftiHeader;
  /**
   * The voxel values, slope and intercept applied, in the file's order (x fastest), block by block. A block is
   * overwritten by the next. Ends only after the whole file, checksum included, has proved sound.
   */
  voxels(): AsyncGenerator<VoxelArray>;
  /** Lets go of the source; for whoever wants the header alone. */
  cancel(): Promise<void>;
}

const BLOCK_BYTES = 1 << 20;

/** Extensions lie between header and voxels; whole DICOM headers take a few MB. */
const MAX_EXTENSION_BYTES = 64 << 20;

/** 1024³: more than any CT, and 4 GiB as float32. */
const MAX_VOXELS = 2 ** 30;

/** How far memory may run ahead of what has arrived. */
const FIRST_VOXELS = 1 << 20;
const GROWTH = 16;

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
    return { header, voxels: () => voxelBlocks(source, header, name), cancel: () => source.cancel() };
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
  return readVolume(file, image, arrayOf, copyBlock);
}

const arrayOf = ({ scaling, dtype }: NiftiHeader): VoxelArrayType =>
  scaling ? dtype.scaledArray : dtype.array;

/** A scan as it was read. */
export interface Scan extends NiftiVolume {
  readonly doubts: readonly ScanDoubt[];
}

/** Reads a CT scan. Throws InputError, before its voxels are read where no CT has its size. */
export async function readScan(file: ByteSource, image?: ByteSource): Promise<Scan> {
  const values = new VoxelSummary();
  const volume = await readVolume(
    file,
    image,
    (header) => {
      assertScanSize(header, file.name);
      return arrayOf(header);
    },
    (out, block, at) => {
      values.add(block);
      copyBlock(out, block, at);
    },
  );
  return { ...volume, doubts: scanDoubts(volume.header, values) };
}

/** Reads a 3D label map, whatever type its labels are stored in. Throws InputError where one is not 0 to 255. */
export async function readLabels(file: ByteSource, image?: ByteSource): Promise<NiftiVolume<Uint8Array>> {
  return readVolume(
    file,
    image,
    () => Uint8Array,
    (out, block, at, header) => {
      copyBlock(out, block, at);
      if (block instanceof Uint8Array) return;
      for (let i = 0; i < block.length; i++)
        if (out[at + i] !== block[i])
          throw notALabel(file.name, header, at + i, block[i], 'whole numbers from 0 to 255');
    },
  );
}

/** The fault of a voxel, given by its place in the file's order, whose value is not among the `expected` labels. */
export function notALabel(
  name: string,
  { shape: [nx, ny], scaling }: NiftiHeader,
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

const copyBlock = (out: VoxelArray, block: VoxelArray, at: number): void => out.set(block, at);

async function readVolume<A extends VoxelArrayType>(
  file: ByteSource,
  image: ByteSource | undefined,
  arrayFor: (header: NiftiHeader) => A,
  store: (out: InstanceType<A>, block: VoxelArray, at: number, header: NiftiHeader) => void,
): Promise<NiftiVolume<InstanceType<A>>> {
  const nifti = await openNifti(file, image);
  try {
    const { header } = nifti;
    const shape = shape3d(header, file.name);
    const total = voxelCount(shape);
    const type = arrayFor(header);
    const make = (length: number) => allocate(type, length, file.name);
    let data = make(Math.min(total, FIRST_VOXELS));
    let count = 0;
    for await (const block of nifti.voxels()) {
      if (count + block.length > data.length) {
        const grown = make(Math.min(total, GROWTH * data.length));
        grown.set(data);
        data = grown;
      }
      store(data, block, count, header);
      count += block.length;
    }
    return { shape, affine: header.affine, data, header };
  } finally {
    await nifti.cancel();
  }
}

function allocate<A extends VoxelArrayType>(type: A, length: number, name: string): InstanceType<A> {
  try {
    return new type(length) as InstanceType<A>;
  } catch {
    throw new InputError(`${name}: ${length} voxels do not fit into memory`);
  }
}

/** The shape of a header's one 3D volume. Throws InputError where there are several, or too many voxels. */
export function shape3d({ shape }: NiftiHeader, name: string, maxVoxels = MAX_VOXELS): Xyz {
  const [x, y, z, ...more] = shape;
  if (more.some((n) => n > 1)) {
    throw new InputError(`${name}: has ${shape.join('×')} voxels; expected one 3D volume`);
  }
  if (x * y * z > maxVoxels) {
    throw new InputError(`${name}: has ${shape.join('×')} voxels; at most ${maxVoxels} are read`);
  }
  return [x, y, z];
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
