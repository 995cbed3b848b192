/** A scan on its way through a model: the planes that its network sees, and where the labels go. */
import { xyzOf } from '@organseg/core/inference/axes.ts';
import { caseGeometry, type PlacedScan } from '@organseg/core/inference/caseGeometry.ts';
import { NnunetScan, plannedRequest } from '@organseg/core/inference/nnunet/nnunetScan.ts';
import {
  bodyOf,
  caseRequest,
  type PlacedLabels,
  type ResampleBack,
  ScanLabels,
  ScanStream,
} from '@organseg/core/inference/scanStream.ts';
import type { StreamRequest, StreamSource } from '@organseg/core/inference/slabStream.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { Box, Grid, Volume, Xyz } from '@organseg/core/volume/volume.ts';
import { regionLabelsOf } from '../config/regions.ts';
import type { Model } from './model.ts';

/** One scan at one spacing. */
export interface CaseStream {
  readonly source: StreamSource;
  readonly request: Omit<StreamRequest, 'windowStep'>;
  /** Size and spacing of the network's grid. */
  readonly networkShape: Xyz;
  readonly spacingMm: Xyz;
  /** The place of what is segmented in the scan. */
  readonly place: PlacedScan;
  /** Takes the labels of one run. */
  labels(): PlacedLabels;
}

/** One scan, before its spacing is chosen. */
export interface OpenCase {
  /** Voxels that were not finite and are air now. */
  readonly nonFiniteVoxels: number;
  /** The scan on its way at a spacing. */
  at(spacingMm: Xyz, probabilities: boolean): CaseStream;
}

/**
 * A scan of one or several channels, as a model's network sees it. `spacingMm` is the voxel size that its header states.
 * Voxels that are not finite are changed in place. Throws InputError where values do not suit the model.
 */
export function openCase(
  channels: readonly Volume[],
  spacingMm: Xyz,
  model: Model,
  resample: ResampleBack,
): OpenCase {
  const { preprocessing } = model;
  if (preprocessing.by === 'nnU-Net') {
    const scan = new NnunetScan(channels, spacingMm, preprocessing);
    const { network } = scan.geometry;
    return {
      nonFiniteVoxels: scan.nonFiniteVoxels,
      at: (_, probabilities) => ({
        source: scan,
        request: scan.request(regionLabelsOf(model), probabilities),
        networkShape: xyzOf(network),
        spacingMm: xyzOf(preprocessing.spacingMm),
        place: scan.geometry,
        labels: () => scan.labels(),
      }),
    };
  }
  const [scan] = channels as [Volume];
  const { rows, nonFiniteVoxels } = bodyOf(scan, preprocessing);
  return {
    nonFiniteVoxels,
    at: (networkSpacingMm, probabilities) => {
      const source = new ScanStream(scan, rows, networkSpacingMm);
      const { geometry } = source;
      return {
        source,
        request: caseRequest(geometry, preprocessing, resample, probabilities),
        networkShape: geometry.network.shape,
        spacingMm: networkSpacingMm,
        place: { scan: geometry.scan, turned: geometry.ras, box: geometry.box },
        labels: () => new ScanLabels(geometry, resample),
      };
    },
  };
}

/** What a scan on this grid would ask of the stream, its body filling `body`, or all of it: for planning alone. */
export function requestOfGrid(
  grid: Grid,
  model: Model,
  resample: ResampleBack,
  body: Box | null = null,
): CaseStream['request'] {
  const { preprocessing } = model;
  if (preprocessing.by === 'nnU-Net')
    return plannedRequest(grid, spacingOf(grid.affine), preprocessing, regionLabelsOf(model));
  return caseRequest(caseGeometry(grid, body, preprocessing.spacingMm), preprocessing, resample);
}
