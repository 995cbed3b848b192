/** A case's image and labels on the network's grid, by the rules of the run that they are prepared for. */
import { dhwOf } from '@organseg/core/inference/axes.ts';
import type { CaseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import type { NnunetGeometry } from '@organseg/core/inference/nnunet/geometry.ts';
import { NnunetScan } from '@organseg/core/inference/nnunet/nnunetScan.ts';
import { prepareScan } from '@organseg/core/inference/prepareCase.ts';
import {
  type LabelResampling,
  prepareLabels,
  prepareNnunetLabels,
} from '@organseg/core/inference/prepareLabels.ts';
import { bodyOf, ScanStream } from '@organseg/core/inference/scanStream.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import type { Scan } from '@organseg/core/volume/volumeStream.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { preprocessingOf } from '../config/network.ts';
import type { Config } from '../config/schema.ts';
import type { ModelPreprocessing } from '../predict/model.ts';
import { emptyImage } from './preparedCase.ts';

/** The grids that a scan passes on its way to the network. */
export type PreparedGeometry = CaseGeometry | NnunetGeometry;

/** What cases are prepared for. */
export interface PreparedFor {
  readonly preprocessing: ModelPreprocessing;
  readonly labelResampling: LabelResampling;
  readonly channelNames: readonly string[];
}

/** What a run with these settings wants of its cases. */
export const preparedFor = (config: Config, channelNames: readonly string[]): PreparedFor => ({
  preprocessing: preprocessingOf(config),
  labelResampling: config.labelResampling,
  channelNames,
});

/** An image that is prepared, and how it lies. */
export interface MadeImage extends Omit<ReturnType<typeof emptyImage>, 'fill'> {
  readonly geometry: PreparedGeometry;
  readonly doubts: readonly ScanDoubt[];
}

/** Prepares a scan of so many channels. Throws InputError where one cannot be. */
export async function prepareImage(
  gpu: Gpu,
  channels: readonly [Scan, ...Scan[]],
  { preprocessing }: PreparedFor,
): Promise<MadeImage> {
  const doubts = channels.flatMap((each) => each.doubts);
  const [scan] = channels;
  if (preprocessing.by === 'nnU-Net') {
    const spacingMm = statedSpacingMm(scan.header.space);
    const scans = new NnunetScan(channels, spacingMm, preprocessing);
    const { fill, ...image } = emptyImage(scans.geometry.network, scans.ranges);
    await scans.prepare(gpu, fill);
    return { ...image, geometry: scans.geometry, doubts };
  }
  const { rows } = bodyOf(scan, preprocessing);
  const stream = new ScanStream(scan, rows, preprocessing.spacingMm);
  const { geometry } = stream;
  const { fill, ...image } = emptyImage(dhwOf(geometry.network.shape));
  await prepareScan(gpu, stream, preprocessing, fill);
  return { ...image, geometry, doubts };
}

/** The size of the network's grid. */
export const sizeOf = (geometry: PreparedGeometry): Dhw =>
  'view' in geometry ? geometry.network : dhwOf(geometry.network.shape);

/** A label map of the scan's grid on the network's, D, H, W. */
export function labelsOn(
  labels: Volume<Uint8Array>,
  geometry: PreparedGeometry,
  { preprocessing, labelResampling }: PreparedFor,
): Uint8Array {
  if (!('view' in geometry)) return prepareLabels(labels, geometry, labelResampling).data;
  if (preprocessing.by !== 'nnU-Net') throw new Error('a scan that was not prepared as nnU-Net does');
  return prepareNnunetLabels(labels, geometry, preprocessing, labelResampling);
}
