/**
 * Volumes as streams, whatever format they come in: the header first, then the voxels in blocks. And what reads a stream
 * into memory, which never runs far ahead of the bytes that have arrived.
 */
import { InputError } from '../inputError.ts';
import type { VoxelArrayType } from './niftiDtype.ts';
import { assertScanSize, type ScanDoubt, scanDoubts, VoxelSummary } from './scanDoubts.ts';
import { type Volume, type VoxelArray, voxelCount, type Xyz } from './volume.ts';
import type { VolumeHeader } from './volumeHeader.ts';

export interface VolumeStream<H extends VolumeHeader = VolumeHeader> {
  /** How messages name it. */
  readonly name: string;
  readonly header: H;
  /** What is doubtful of it before a voxel is read, beside what the header tells. */
  readonly doubts?: readonly ScanDoubt[];
  /**
   * The voxel values, slope and intercept applied, x fastest, block by block. A block is overwritten by the next. Ends
   * only after all that was read has proved sound.
   */
  voxels(): AsyncGenerator<VoxelArray>;
  /** Lets go of the source; for whoever wants the header alone. */
  cancel(): Promise<void>;
}

/** A volume with the header that it was read with. */
export interface HeadedVolume<T extends VoxelArray = VoxelArray, H extends VolumeHeader = VolumeHeader>
  extends Volume<T> {
  readonly header: H;
}

/** A scan as it was read. */
export interface Scan extends HeadedVolume {
  readonly doubts: readonly ScanDoubt[];
}

/** 1024³: more than any CT, and 4 GiB as float32. */
const MAX_VOXELS = 2 ** 30;

/** How far memory may run ahead of what has arrived. */
const FIRST_VOXELS = 1 << 20;
const GROWTH = 16;

/** Reads a CT scan. Throws InputError, before its voxels are read where no CT has its size. */
export async function readScan(stream: VolumeStream): Promise<Scan> {
  const values = new VoxelSummary();
  const volume = await readVolume(
    stream,
    (header) => {
      assertScanSize(header, stream.name);
      return arrayOf(header);
    },
    (out, block, at) => {
      values.add(block);
      out.set(block, at);
    },
  );
  return { ...volume, doubts: [...(stream.doubts ?? []), ...scanDoubts(volume.header, values)] };
}

/** The array that holds a volume's values. */
export const arrayOf = ({ scaling, dtype }: VolumeHeader): VoxelArrayType =>
  scaling ? dtype.scaledArray : dtype.array;

/**
 * Reads one 3D volume into an array of the type that `arrayFor` chooses; `store` puts a block's values into it from the
 * voxel `at` on. Throws InputError.
 */
export async function readVolume<A extends VoxelArrayType, H extends VolumeHeader>(
  stream: VolumeStream<H>,
  arrayFor: (header: H) => A,
  store: (out: InstanceType<A>, block: VoxelArray, at: number) => void,
): Promise<HeadedVolume<InstanceType<A>, H>> {
  const { header, name } = stream;
  try {
    const shape = shape3d(header, name);
    const total = voxelCount(shape);
    const type = arrayFor(header);
    const make = (length: number) => allocate(type, length, name);
    let data = make(Math.min(total, FIRST_VOXELS));
    let count = 0;
    for await (const block of stream.voxels()) {
      if (count + block.length > data.length) {
        const grown = make(Math.min(total, GROWTH * data.length));
        grown.set(data);
        data = grown;
      }
      store(data, block, count);
      count += block.length;
    }
    return { shape, affine: header.affine, data, header };
  } finally {
    await stream.cancel();
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
export function shape3d({ shape }: VolumeHeader, name: string, maxVoxels = MAX_VOXELS): Xyz {
  const [x, y, z, ...more] = shape;
  if (more.some((n) => n > 1)) {
    throw new InputError(`${name}: has ${shape.join('×')} voxels; expected one 3D volume`);
  }
  if (x * y * z > maxVoxels) {
    throw new InputError(`${name}: has ${shape.join('×')} voxels; at most ${maxVoxels} are read`);
  }
  return [x, y, z];
}
