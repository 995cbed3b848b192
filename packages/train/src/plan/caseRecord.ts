/** What a fingerprint knows of one case: the record that is kept of it, and how it is made. */
import { basename } from 'node:path';
import { dhwOf } from '@organseg/core/inference/axes.ts';
import { nonZeroBox } from '@organseg/core/inference/nnunet/nonZero.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { Random } from '@organseg/core/random.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import { AIR_HU, isCt, replaceNonFinite } from '@organseg/core/volume/hounsfield.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import { rasView } from '@organseg/core/volume/orientation.ts';
import { type Box, xyz } from '@organseg/core/volume/volume.ts';
import type { Scan } from '@organseg/core/volume/volumeStream.ts';
import { readChannels } from '@organseg/files/channels.ts';
import { fileRecord } from '@organseg/files/fileFacts.ts';
import { assertAsBefore, factsOf } from '@organseg/files/fileRecord.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';

/** The files of a training case. */
export interface PlannedCase {
  readonly name: string;
  /** One file for each channel. */
  readonly images: readonly string[];
  readonly labels: string;
}

export interface CaseRecord {
  /** Millimetres and voxels along z, y, x of the image turned to RAS+. */
  readonly spacing: Dhw;
  readonly shape: Dhw;
  /** The ids that its label map holds, from the lowest. */
  readonly labels: readonly number[];
  /** Shape of the smallest box around all voxels that are not 0 in some channel. */
  readonly shapeAfterCrop: Dhw;
  /** For each channel, intensities of labelled voxels, drawn with replacement; none where no voxel is labelled. */
  readonly samples: readonly Float32Array[];
}

/** Intensities that are drawn of a case, for each channel. */
export const SAMPLES = 10_000;
/** nnU-Net's seed; its generator's numbers are others. */
const SEED = 1234;
/** Share of a spacing by which that of the affine may be rounded otherwise than the one that the header states. */
const ROUNDING = 1e-3;

/** Reads a case. Throws InputError, also where its files do not lie on one grid. */
export async function readCase(source: PlannedCase, channelNames: readonly string[]): Promise<CaseRecord> {
  const [first, ...others] = await readChannels(source.images, channelNames);
  const labels = await readLabelsFile(source.labels);
  assertSameGrid(first, source.images[0]!, labels, source.labels);
  const channels = [first, ...others];
  for (const [channel, { data }] of channels.entries())
    replaceNonFinite(data, isCt(channelNames[channel]!) ? AIR_HU : 0);
  const box = nonZeroBox(
    channels.map(({ data }) => data),
    first.shape,
  );
  const view = rasView(first);
  const spacing = spacingMm(first);
  const places = labelledPlaces(labels.data, first, box);
  const random = new Random(SEED).fork(source.name);
  return {
    spacing: dhwOf(xyz((axis) => spacing[view.from[axis]!]!)),
    shape: dhwOf(view.shape),
    labels: idsIn(labels.data),
    shapeAfterCrop: dhwOf(xyz((axis) => box.max[view.from[axis]!]! - box.min[view.from[axis]!]!)),
    samples: channels.map(({ data }, channel) => {
      const draws = random.fork(channel);
      const at = () => data[places[draws.int(places.length)]!]!;
      return Float32Array.from({ length: places.length ? SAMPLES : 0 }, at);
    }),
  };
}

/** The spacing along the file's own axes: as the header states it, unless its affine says another. */
function spacingMm({ affine, header }: Scan): readonly number[] {
  const stated = statedSpacingMm(header.space);
  return spacingOf(affine).map((mm, axis) =>
    Math.abs(mm - stated[axis]!) <= ROUNDING * mm ? stated[axis]! : mm,
  );
}

function idsIn(labels: Uint8Array): number[] {
  const isThere = new Uint8Array(256);
  for (let i = 0; i < labels.length; i++) isThere[labels[i]!] = 1;
  return [...isThere.keys()].filter((id) => isThere[id]);
}

/** The places in the array of the labelled voxels in a box. */
function labelledPlaces(labels: Uint8Array, { shape: [nx, ny] }: Scan, { min, max }: Box): Uint32Array {
  const rows = function* () {
    for (let z = min[2]; z < max[2]; z++) for (let y = min[1]; y < max[1]; y++) yield (z * ny + y) * nx;
  };
  let count = 0;
  for (const row of rows()) for (let x = row + min[0]; x < row + max[0]; x++) if (labels[x]) count++;
  const places = new Uint32Array(count);
  let next = 0;
  for (const row of rows())
    for (let x = row + min[0]; x < row + max[0]; x++) if (labels[x]) places[next++] = x;
  return places;
}

/** The files of a case, by name, as they were when it was read. */
const filesSchema = z.record(z.string(), fileRecord.omit({ sha256: true }));
type CaseFiles = z.infer<typeof filesSchema>;

const zyx = z.tuple([z.number(), z.number(), z.number()]);

/** A record as it is kept. */
export const keptRecord = z.strictObject({
  version: z.literal(2),
  channelNames: z.array(z.string()),
  files: filesSchema,
  spacing: zyx,
  shape: zyx,
  labels: z.array(z.int()),
  shapeAfterCrop: zyx,
  /** float32, little-endian, in base64. */
  samples: z.array(z.string()),
});
export type KeptRecord = z.infer<typeof keptRecord>;

/** The facts of a case's files: the label map's under `labels`. Throws InputError. */
export async function filesOf({ images, labels }: PlannedCase): Promise<CaseFiles> {
  const files: CaseFiles = { labels: await factsOf(labels) };
  for (const image of images) files[basename(image)] = await factsOf(image);
  return files;
}

/** Reads a case and what is to be kept of it. Throws InputError, also where a file changes meanwhile. */
export async function recordCase(source: PlannedCase, channelNames: readonly string[]): Promise<KeptRecord> {
  const files = await filesOf(source);
  const { samples, spacing, shape, labels, shapeAfterCrop } = await readCase(source, channelNames);
  for (const image of source.images) await assertAsBefore(image, files[basename(image)]!);
  await assertAsBefore(source.labels, files.labels!);
  return {
    version: 2,
    channelNames: [...channelNames],
    files,
    spacing: [...spacing] as [number, number, number],
    shape: [...shape] as [number, number, number],
    labels: [...labels],
    shapeAfterCrop: [...shapeAfterCrop] as [number, number, number],
    samples: samples.map(({ buffer }) => Buffer.from(buffer).toString('base64')),
  };
}

/** A kept record's contents. */
export function caseRecordOf({ samples, ...rest }: KeptRecord): CaseRecord {
  return {
    ...rest,
    samples: samples.map((text) => {
      const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
      return new Float32Array(bytes.buffer);
    }),
  };
}
