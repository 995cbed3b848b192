/**
 * Prediction exactly as nnU-Net v2 does it, streamed: what a scan of one or several channels asks of a `SlabStream`, and
 * where its labels go. The host holds the channels and the label map, and no copy of either; one byte a voxel more where
 * a channel is normalised within the mask of what is not 0.
 *
 *   const scan = new NnunetScan(channels, statedSpacingMm, preprocessing);
 *   const request = { ...scan.request(regions), windowStep, mirrorAxes };
 *   const plan = planner.plan(request, capBytes);
 *   const labels = scan.labels();
 *   await new SlabStream(gpu, networks, request, plan).run(scan, labels);      // then labels.volume
 *
 * The mirror axes are the tensor's, D, H, W, as the checkpoint gives them. Windows of air are looked at like any other;
 * `skipEarly` is not nnU-Net's.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { AIR_HU, replaceNonFinite } from '../../volume/hounsfield.ts';
import type { Grid, Volume, Xyz } from '../../volume/volume.ts';
import { drainSlabs } from '../prepareCase.ts';
import { type ReadPlanes, slabPlanes } from '../preprocess.ts';
import { PlacedLabels } from '../scanStream.ts';
import type { StreamRequest, StreamSource } from '../slabStream.ts';
import { TapPreparation, type TapResampling } from '../tapPreparation.ts';
import { coarseAxis, type NnunetGeometry, nnunetGeometry } from './geometry.ts';
import { channelStatistics, type Scaling, scaled, scaledBounds, scalingOf } from './intensities.ts';
import { nonZeroBox, nonZeroMask } from './nonZero.ts';
import type { NnunetPreprocessing, Resampler } from './preprocessing.ts';
import { pairTable, tapTable } from './splines.ts';

export type NnunetRequest = Pick<StreamRequest, 'size' | 'source' | 'grid' | 'windowWay' | 'regions'>;

/** A scan, read by slabs as if it were turned, cropped and normalised. */
export class NnunetScan implements StreamSource {
  readonly geometry: NnunetGeometry;
  /** Voxels of all channels that were not finite and have become air, or 0 in channels that are no CT. */
  readonly nonFiniteVoxels: number;
  readonly #channels: readonly Volume[];
  readonly #preprocessing: NnunetPreprocessing;
  readonly #scalings: readonly Scaling[];
  /** By channel, laid out as the scan: 0 where voxels are not to be normalised. */
  readonly #masks: readonly (Uint8Array | undefined)[];
  readonly #resampling: TapResampling;
  /** By channel: the least and the greatest value that a network sees. */
  readonly ranges: readonly (readonly [number, number])[];

  /**
   * All channels lie on one grid. `spacingMm` is the voxel size that the header states. Voxels that are not finite are
   * changed in place. Throws InputError where values do not suit the normalisation.
   */
  constructor(channels: readonly Volume[], spacingMm: Xyz, preprocessing: NnunetPreprocessing) {
    const [first] = channels;
    const schemes = preprocessing.channels;
    if (!first || channels.length !== schemes.length)
      throw new Error(`${channels.length} channels for a model of ${schemes.length}`);
    this.#channels = channels;
    this.#preprocessing = preprocessing;
    this.nonFiniteVoxels = channels.reduce(
      (sum, { data }, i) =>
        sum + replaceNonFinite(data, schemes[i]!.scheme === 'CTNormalization' ? AIR_HU : 0),
      0,
    );
    const arrays = channels.map(({ data }) => data);
    const box = nonZeroBox(arrays, first.shape);
    this.geometry = nnunetGeometry(first, spacingMm, box, preprocessing);
    const isMasked = schemes.map((scheme) => scheme.scheme === 'ZScoreNormalization' && scheme.useMask);
    const mask = isMasked.includes(true) ? nonZeroMask(arrays, first) : undefined;
    this.#masks = isMasked.map((masked) => (masked ? mask : undefined));

    const { view, network } = this.geometry;
    const { tables, coarse } = forwardTables(this.geometry, preprocessing);
    const viewAxis = coarse === undefined ? undefined : ((2 - coarse) as 0 | 1 | 2);
    const statistics = arrays.map((data, i) => channelStatistics(data, view, this.#masks[i], viewAxis));
    this.#scalings = statistics.map((values, i) => scalingOf(schemes[i]!, values));
    const boundsAxis = coarse ?? 0;
    const bounds = statistics.map((values, i) => {
      const bySlice = scaledBounds(values, this.#scalings[i]!);
      // Along the coarse axis an index has one tap: the slice that it is copied from.
      const sliceOf = (index: number) => (coarse === undefined ? 0 : tables[coarse].values[2 * index]!);
      const rows = Array.from({ length: network[boundsAxis] }, (_, index) => sliceOf(index));
      return Float32Array.from(rows.flatMap((slice) => [bySlice[2 * slice]!, bySlice[2 * slice + 1]!]));
    });
    this.#resampling = { size: this.geometry.cropped, tables, bounds, boundsAxis };
    this.ranges = bounds.map((values) => [values.reduce(lesser), values.reduce(greater)]);
  }

  /** What the scan asks of the stream. `regions` are the labels of the networks' channels, where those are regions. */
  request(regions?: readonly number[], probabilities = false): NnunetRequest {
    return requestOf(this.geometry, this.#preprocessing, this.#resampling, { regions, probabilities });
  }

  /**
   * What the networks see of the scan: `take` sees the values of a channel from the voxel `first` of the network's grid
   * on, which are gone when it returns.
   */
  prepare(gpu: Gpu, take: (first: number, values: Float32Array, channel: number) => void): Promise<void> {
    const size = this.geometry.network;
    const makeSlabs = () => new TapPreparation(gpu, size, this.#resampling, slabPlanes(size));
    return drainSlabs(gpu, size, makeSlabs, this.readPlanes, this.#channels.length, take);
  }

  /** Where the labels of this scan go. */
  labels(): PlacedLabels {
    return new PlacedLabels(this.#channels[0]!, this.geometry.view);
  }

  /** Normalised values of planes [from, to) of the cropped scan. */
  readonly readPlanes: ReadPlanes = (from, to, values, channel) => {
    const { data } = this.#channels[channel]!;
    const scaling = this.#scalings[channel]!;
    const mask = this.#masks[channel];
    const { start, steps, shape } = this.geometry.view;
    let next = 0;
    for (let z = from; z < to; z++)
      for (let y = 0; y < shape[1]; y++) {
        let at = start + z * steps[2] + y * steps[1];
        for (let x = 0; x < shape[0]; x++, at += steps[0])
          values[next++] = mask && mask[at] === 0 ? data[at] : scaled(data[at], scaling);
      }
  };

  /** nnU-Net looks at every window. */
  hasBody(_from: Dhw, _to: Dhw): boolean {
    return true;
  }
}

const lesser = (a: number, b: number) => Math.min(a, b);
const greater = (a: number, b: number) => Math.max(a, b);

/** What a scan on this grid, none of it cropped, would ask of the stream: for planning, since there are no voxels. */
export function plannedRequest(
  grid: Grid,
  spacingMm: Xyz,
  preprocessing: NnunetPreprocessing,
  regions?: readonly number[],
): NnunetRequest {
  const geometry = nnunetGeometry(grid, spacingMm, { min: [0, 0, 0], max: grid.shape }, preprocessing);
  const { tables, coarse = 0 } = forwardTables(geometry, preprocessing);
  const bounds = preprocessing.channels.map(() => new Float32Array(2 * geometry.network[coarse]));
  const resampling = { size: geometry.cropped, tables, bounds, boundsAxis: coarse };
  return requestOf(geometry, preprocessing, resampling, { regions });
}

function requestOf(
  { cropped, network, spacingMm }: NnunetGeometry,
  { logitsResampling: resampler, spacingMm: networkMm }: NnunetPreprocessing,
  source: TapResampling,
  { regions, probabilities = false }: { regions?: readonly number[] | undefined; probabilities?: boolean },
): NnunetRequest {
  const orders = ordersOf(resampler, coarseAxis(resampler, networkMm, spacingMm));
  const table = (axis: 0 | 1 | 2) => pairTable(orders[axis], network[axis], cropped[axis]);
  const grid = { size: cropped, tables: [table(0), table(1), table(2)] as const, probabilities };
  return { size: network, source, grid, windowWay: 'nnunet', regions };
}

/** The taps along D, H and W on the way to the network, and the axis that is resampled by itself there. */
function forwardTables(
  { cropped, network, spacingMm }: NnunetGeometry,
  { dataResampling: resampler, spacingMm: networkMm }: NnunetPreprocessing,
) {
  const coarse = coarseAxis(resampler, spacingMm, networkMm);
  const orders = ordersOf(resampler, coarse);
  const table = (axis: 0 | 1 | 2) => tapTable(orders[axis], cropped[axis], network[axis]);
  return { tables: [table(0), table(1), table(2)] as const, coarse };
}

/** The splines' orders along D, H and W. */
function ordersOf<Order extends 0 | 1 | 3>(resampler: Resampler<Order>, coarse: number | undefined) {
  const order = (axis: number): Order | 0 => (axis === coarse ? resampler.orderZ : resampler.order);
  return [order(0), order(1), order(2)] as const;
}
