/** Label maps as streams: the header first, then the labels in blocks, each checked against a table. */
import type { ByteSource } from './byteReader.ts';
import { type NiftiStream, notALabel, openNifti } from './niftiRead.ts';
import { statedSpacingMm } from './niftiSpace.ts';
import { assertScanSize } from './scanDoubts.ts';
import type { Grid, Xyz } from './volume.ts';
import { shape3d } from './volumeStream.ts';

export interface LabelStream extends Grid {
  readonly name: string;
  /** Voxel size in mm as the header states it, in float32: what decides which voxels are within a tolerance. */
  readonly spacingMm: Xyz;
  /** In the file's order (x fastest). A block is overwritten by the next; ends after the whole file proved sound. */
  blocks(): AsyncGenerator<Uint8Array>;
  /** Lets go of the source; for whoever wants no labels. */
  cancel(): Promise<void>;
}

/** Labels that a map may hold besides 0, and how many voxels it may have. */
export interface LabelLimits {
  readonly labels: readonly number[];
  readonly maxVoxels: number;
}

/** Reads the header. Throws InputError, also where no CT has its size, and from `blocks` where a voxel is no label of the table. */
export async function openLabels(file: ByteSource, limits: LabelLimits): Promise<LabelStream> {
  const nifti = await openNifti(file);
  try {
    const { affine, space } = nifti.header;
    const shape = shape3d(nifti.header, file.name, limits.maxVoxels);
    assertScanSize(nifti.header, file.name);
    return {
      name: file.name,
      shape,
      affine,
      spacingMm: statedSpacingMm(space),
      blocks: () => checkedLabels(nifti, limits.labels, file.name),
      cancel: () => nifti.cancel(),
    };
  } catch (error) {
    await nifti.cancel();
    throw error;
  }
}

async function* checkedLabels(
  nifti: NiftiStream,
  labels: readonly number[],
  name: string,
): AsyncGenerator<Uint8Array> {
  const isLabel = new Uint8Array(256);
  for (const label of [0, ...labels]) isLabel[label] = 1;
  const bytes = new Uint8Array(1 << 20);
  let done = 0;
  for await (const block of nifti.voxels()) {
    // Labels that are bytes already need no copy. A block has at most as many values as bytes.
    const out = block instanceof Uint8Array ? block : bytes.subarray(0, block.length);
    if (out !== block) out.set(block);
    for (let i = 0; i < block.length; i++) {
      if (out[i] === block[i] && isLabel[out[i]]) continue;
      throw notALabel(name, nifti.header, done + i, block[i], listed(labels));
    }
    yield out;
    done += block.length;
  }
}

/** "0 to 13" where there are no gaps, else "0, 2, 5". */
function listed(labels: readonly number[]): string {
  const sorted = [0, ...labels].sort((a, b) => a - b);
  const last = sorted[sorted.length - 1];
  return last === sorted.length - 1 ? `whole numbers from 0 to ${last}` : sorted.join(', ');
}
