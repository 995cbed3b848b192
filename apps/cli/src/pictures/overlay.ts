/** Pictures of a case: CT slices with the prediction, the reference, and where the two disagree. */
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import { crop, foregroundBox } from '@organseg/core/volume/crop.ts';
import { toRas } from '@organseg/core/volume/orientation.ts';
import type { Box, Volume } from '@organseg/core/volume/volume.ts';
import { percentileOfSorted } from '@organseg/train/plan/percentile.ts';
import { type Colour, organPaint, type Paint, png } from './paint.ts';
import { PLANES, type Plane, pictureSize, type Raster, sliceOf, tellingSlices } from './planes.ts';
import { resizeNearest, resizeSmooth } from './resize.ts';

export interface View {
  readonly plane: Plane;
  /** Number of the slice along the RAS+ axis, from 0. */
  readonly slice: number;
  /** Width and height in pixels. */
  readonly width: number;
  readonly height: number;
  /** PNG files, and so are the two below. */
  readonly prediction: Uint8Array;
  readonly reference: Uint8Array;
  readonly difference: Uint8Array;
}

/** The kinds of disagreement, in colours that colour-blind people tell apart as well. */
export const DISAGREEMENTS = {
  missed: { colour: [86, 180, 233], meaning: 'missed: an organ in the reference only' },
  false: { colour: [240, 150, 30], meaning: 'false: an organ in the prediction only' },
  other: { colour: [215, 70, 180], meaning: 'other organ: a different one in each' },
} as const satisfies Record<string, { colour: Colour; meaning: string }>;

/** The largest size of a slice, in pixels. */
const FRAME = { width: 420, height: 300 };

/** The intensities that are shown as black and as white. */
export type GreyWindow = readonly [black: number, white: number];

/** The abdominal window of CT, in HU. */
const ABDOMINAL: GreyWindow = [-160, 240];

/** The percentiles of a scan's intensities that are black and white where it is no CT. */
const PERCENTILES = [0.5, 99.5] as const;

/** The window of a scan. */
export function greyWindow({ data }: Volume, isCt: boolean): GreyWindow {
  if (isCt) return ABDOMINAL;
  const sorted = Float32Array.from(data).sort();
  const [black, white] = PERCENTILES.map((share) => percentileOfSorted(sorted, share)) as [number, number];
  return white > black ? [black, white] : [black, black + 1];
}

/** The margin of coronal and sagittal pictures above and below what is labelled; a whole body would be too small. */
const MARGIN_MM = 30;

/** The opacity of voxels that disagree. */
const DISAGREEMENT = 0.8;

/**
 * One view of each plane, where the reference shows most. The volumes may have any orientation. Throws InputError where they do not lie on one grid.
 */
export function caseViews(
  image: Volume,
  reference: Volume<Uint8Array>,
  prediction: Volume<Uint8Array>,
  isCt = true,
): View[] {
  assertSameGrid(image, 'the image', reference, 'the reference');
  assertSameGrid(image, 'the image', prediction, 'the prediction');
  const [was, is] = [toRas(reference), toRas(prediction)];
  const box = labelledHeights(was, is);
  const [scan, truth, guess] = [crop(toRas(image), box), crop(was, box), crop(is, box)];
  const places = tellingSlices(truth);
  const window = greyWindow(image, isCt);
  return PLANES.map((plane) => {
    const slice = places[plane.axes.through];
    const size = pictureSize(scan, plane, FRAME);
    const grey = greyOf(resizeSmooth(sliceOf(scan, plane, slice), size), window);
    const labels = (volume: Volume) => resizeNearest(sliceOf(volume, plane, slice), size);
    const [wanted, got] = [labels(truth), labels(guess)];
    return {
      plane,
      slice: box.min[plane.axes.through] + slice,
      ...size,
      prediction: png(grey, (i) => organPaint(got, i)),
      reference: png(grey, (i) => organPaint(wanted, i)),
      difference: png(grey, (i) => disagreementPaint(wanted.data[i], got.data[i])),
    };
  });
}

/** The box of the slices along z that either map labels, with a margin; all of it where neither labels any. */
function labelledHeights(...maps: readonly Volume<Uint8Array>[]): Box {
  const [{ shape, affine }] = maps;
  const boxes = maps.map((map) => foregroundBox(map, 0)).filter((box) => box !== null);
  if (boxes.length === 0) return { min: [0, 0, 0], max: shape };
  const margin = Math.round(MARGIN_MM / spacingOf(affine)[2]);
  const low = Math.max(0, Math.min(...boxes.map(({ min }) => min[2])) - margin);
  const high = Math.min(shape[2], Math.max(...boxes.map(({ max }) => max[2])) + margin);
  return { min: [0, 0, low], max: [shape[0], shape[1], high] };
}

/** A picture of intensities as grey values, 0 to 255, in a window. */
export function greyOf(
  { width, height, data }: Raster,
  [black, white]: GreyWindow,
): Raster<Uint8ClampedArray> {
  const scale = 255 / (white - black);
  return { width, height, data: Uint8ClampedArray.from(data, (value) => (value - black) * scale) };
}

function disagreementPaint(wanted: number, got: number): Paint | null {
  if (wanted === got) return null;
  const kind = got === 0 ? 'missed' : wanted === 0 ? 'false' : 'other';
  return { colour: DISAGREEMENTS[kind].colour, opacity: DISAGREEMENT };
}
