/**
 * A scan as the stream of slabs sees it, and the label map on its own grid that comes out: both are read and written
 * where they lie, whatever their orientation, so that the host holds the scan and its labels and no copy of either.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { linearTable } from '@organseg/kernels/ops/resample.ts';
import { type BodyRows, rowExtents } from '../volume/bodyRows.ts';
import { nonFiniteToAir } from '../volume/hounsfield.ts';
import { boxOfView } from '../volume/orientation.ts';
import { axisMaps, nearestIndices } from '../volume/resampleGrid.ts';
import { type Box, type Grid, type Volume, voxelCount, type Xyz, xyz } from '../volume/volume.ts';
import { dhwOf, xyzOf } from './axes.ts';
import { type CaseGeometry, type CroppedView, caseGeometry, croppedView } from './caseGeometry.ts';
import type { LabelBlock, LabelSink } from './labelSlab.ts';
import { type Preprocessing, type ReadPlanes, resamplingOf, tensorMaps } from './preprocess.ts';
import type { StreamRequest, StreamSource } from './slabStream.ts';

/** What goes back to the scan's grid: labels, by nearest neighbour, or logits, by interpolation. */
export type ResampleBack = 'labels' | 'logits';

/** A scan, read by slabs as if it were turned to RAS and cropped to its body. */
export class ScanStream implements StreamSource {
  readonly geometry: CaseGeometry;
  readonly #scan: Volume;
  readonly #rows: BodyRows;

  /** `rows` are those of the scan above the low end of the intensities of interest. */
  constructor(scan: Volume, rows: BodyRows, spacingMm: Xyz) {
    this.#scan = scan;
    this.#rows = rows;
    this.geometry = caseGeometry(scan, rows.box, spacingMm);
  }

  /** HU of planes [from, to) of the cropped scan. */
  readonly readPlanes: ReadPlanes = (from, to, values) => {
    const { data } = this.#scan;
    const { start, steps, shape } = croppedView(this.geometry);
    let at = 0;
    for (let z = from; z < to; z++)
      for (let y = 0; y < shape[1]; y++) {
        let index = start + z * steps[2] + y * steps[1];
        for (let x = 0; x < shape[0]; x++, index += steps[0]) values[at++] = data[index];
      }
  };

  /** Whether voxels that a box [from, to) of the network's grid is interpolated from hold anything but air. */
  hasBody(from: Dhw, to: Dhw): boolean {
    const { cropped, network, box, ras } = this.geometry;
    const maps = axisMaps(cropped, network);
    const limit = (axis: number, index: number) => Math.min(cropped.shape[axis], Math.max(0, index));
    const [first, end] = [xyzOf(from), xyzOf(to)];
    const low = (axis: number) => limit(axis, Math.floor(maps[axis].scale * first[axis] + maps[axis].offset));
    const high = (axis: number) =>
      limit(axis, Math.floor(maps[axis].scale * (end[axis] - 1) + maps[axis].offset) + 2);
    const inRas: Box = {
      min: xyz((axis) => box.min[axis] + low(axis)),
      max: xyz((axis) => box.min[axis] + high(axis)),
    };
    const { min, max } = boxOfView(inRas, ras);
    return this.#rows.reach(min, max);
  }
}

/** The grids that a case asks of the stream. */
export function caseRequest(
  geometry: CaseGeometry,
  { intensity }: Pick<Preprocessing, 'intensity'>,
  resample: ResampleBack,
  probabilities = false,
): Pick<StreamRequest, 'size' | 'source' | 'grid'> {
  const { cropped, network } = geometry;
  const [size, croppedSize] = [dhwOf(network.shape), dhwOf(cropped.shape)];
  const table = (axis: 0 | 1 | 2) =>
    linearTable(tensorMaps(network, cropped)[axis], size[axis], croppedSize[axis]);
  return {
    size,
    source: resamplingOf(geometry, intensity),
    grid:
      resample === 'logits'
        ? { size: croppedSize, tables: [table(0), table(1), table(2)], probabilities }
        : undefined,
  };
}

/** The rows of a scan's body. Voxels that are not finite become air before, in place, and are counted. */
export function bodyOf(
  scan: Volume,
  { intensity }: Pick<Preprocessing, 'intensity'>,
): { rows: BodyRows; nonFiniteVoxels: number } {
  const nonFiniteVoxels = nonFiniteToAir(scan.data);
  return { rows: rowExtents(scan, intensity.low), nonFiniteVoxels };
}

/** Puts labels on the scan's grid as they come; outside the view is background. */
export class PlacedLabels implements LabelSink {
  readonly volume: Volume<Uint8Array>;
  /** The number of voxels of each label on the network's grid, coded ones and IGNORED included. */
  readonly voxels = new Array<number>(256).fill(0);
  protected readonly view: CroppedView;

  /** `view` is where the labels' grid lies in the scan's array. */
  constructor({ shape, affine }: Grid, view: CroppedView) {
    this.volume = { shape, affine, data: new Uint8Array(voxelCount(shape)) };
    this.view = view;
  }

  network({ from, to, planeStride, labels }: LabelBlock): void {
    for (let i = 0; i < (to - from) * planeStride; i++) this.voxels[labels[i]]++;
  }

  resampled({ from, to, left, right, planeStride, labels }: LabelBlock): void {
    const { data } = this.volume;
    const { start, steps, shape } = this.view;
    for (let z = from; z < to; z++)
      for (let y = 0; y < shape[1]; y++) {
        const row = (z - from) * planeStride + y * (right - left) - left;
        let at = start + z * steps[2] + y * steps[1] + left * steps[0];
        for (let x = left; x < right; x++, at += steps[0]) data[at] = labels[row + x];
      }
  }
}

/** The labels of a scan in RAS that is cropped to its body, by nearest neighbour where logits are not resampled. */
export class ScanLabels extends PlacedLabels {
  /** The network's nearest column, row and plane for each of the cropped scan's. */
  readonly #nearest: readonly [Uint32Array, Uint32Array, Uint32Array] | undefined;
  #plane = 0;

  constructor(geometry: CaseGeometry, resample: ResampleBack) {
    super(geometry.scan, croppedView(geometry));
    const { cropped, network } = geometry;
    if (resample === 'labels') {
      const [x, y, z] = axisMaps(network, cropped).map((map, axis) =>
        nearestIndices(map, cropped.shape[axis], network.shape[axis]),
      );
      this.#nearest = [x!, y!, z!];
    }
  }

  override network(block: LabelBlock): void {
    super.network(block);
    if (!this.#nearest) return;
    const { from, to, left, right, planeStride, labels } = block;
    const [columns, rows, planes] = this.#nearest;
    const { data } = this.volume;
    const { start, steps } = this.view;
    const isMine = (column: number) => column >= left && column < right;
    const first = columns.findIndex(isMine);
    const last = columns.findLastIndex(isMine);
    if (first < 0) return;
    if (from === 0) this.#plane = 0;
    for (; this.#plane < planes.length && planes[this.#plane] < to; this.#plane++) {
      for (let y = 0; y < rows.length; y++) {
        const row = (planes[this.#plane] - from) * planeStride + rows[y] * (right - left) - left;
        let at = start + this.#plane * steps[2] + y * steps[1] + first * steps[0];
        for (let x = first; x <= last; x++, at += steps[0]) data[at] = labels[row + columns[x]];
      }
    }
  }
}
