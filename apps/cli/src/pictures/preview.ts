/** The preview of a case: three slices through the organs' centres, with contours and a legend. */
import { labelColour } from '@organseg/core/organs.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import { type LabelStatistics, labelStatistics } from '@organseg/core/volume/labelStatistics.ts';
import { type RasView, rasView } from '@organseg/core/volume/orientation.ts';
import type { Volume, VoxelArray, Xyz } from '@organseg/core/volume/volume.ts';
import { encode } from 'fast-png';
import { fonts, renderPixels } from 'js-pixel-fonts';
import { greyOf, greyWindow } from './overlay.ts';
import { type Colour, organPaint } from './paint.ts';
import { PLANES, type Plane, pictureSize, type Raster } from './planes.ts';
import { resizeNearest, resizeSmooth } from './resize.ts';

// Lengths in pixels.
const FRAME = { width: 420, height: 420 };
const GAP = 12;
const LEGEND_COLUMNS = 5;
const LINE = 20;
const TEXT_SCALE = 2;
const [PAPER, INK]: Colour[] = [
  [18, 18, 20],
  [225, 225, 225],
];

/** The margin of coronal and sagittal pictures above and below what is labelled. */
const MARGIN_MM = 30;

class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #rgb: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#rgb = new Uint8Array(3 * width * height);
    for (let i = 0; i < width * height; i++) this.#rgb.set(PAPER, 3 * i);
  }

  point(x: number, y: number, colour: ArrayLike<number>): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height)
      this.#rgb.set(colour, 3 * (y * this.width + x));
  }

  box(left: number, top: number, width: number, height: number, colour: Colour): void {
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) this.point(x, y, colour);
  }

  /** Writes the text; letters that the font lacks become question marks. */
  text(text: string, left: number, top: number, colour: Colour = INK): void {
    const font = fonts.sevenPlus;
    const letters = [...text.normalize('NFC')].map((letter) => (letter in font.glyphs ? letter : '?'));
    for (const [y, row] of renderPixels(letters.join(''), font).entries())
      for (const [x, dot] of row.entries())
        if (dot) this.box(left + TEXT_SCALE * x, top + TEXT_SCALE * y, TEXT_SCALE, TEXT_SCALE, colour);
  }

  png(): Uint8Array {
    return encode({ width: this.width, height: this.height, channels: 3, data: this.#rgb });
  }
}

/** The preview as a PNG; `labels` lie on the scan's grid, whatever its orientation. */
export function previewPng(
  name: string,
  scan: Volume,
  labels: Volume<Uint8Array>,
  labelNames: readonly string[],
  statistics = labelStatistics(scan, labels, labelNames.length),
  isCt = true,
): Uint8Array {
  const window = greyWindow(scan, isCt);
  const organs = labelNames.map((organ, label) => ({ organ, label })).slice(1);
  const whole = rasView(labels);
  const centre = meanCentre(whole, statistics, labels.shape);
  const [view, places] = around(whole, labels, centre);
  const rows = Math.ceil(organs.length / LEGEND_COLUMNS);
  const canvas = new Canvas(3 * FRAME.width + 4 * GAP, FRAME.height + (rows + 2) * LINE + 3 * GAP);
  canvas.text(name, GAP, GAP);
  PLANES.forEach((plane, i) => {
    const size = pictureSize(view, plane, FRAME);
    const at = places[plane.axes.through];
    const grey = greyOf(resizeSmooth(slice(scan.data, view, plane, at), size), window);
    const shown = resizeNearest(slice(labels.data, view, plane, at), size);
    const left = GAP + i * (FRAME.width + GAP) + ((FRAME.width - size.width) >> 1);
    const top = LINE + 2 * GAP + ((FRAME.height - size.height) >> 1);
    for (let p = 0; p < size.width * size.height; p++) {
      const paint = organPaint(shown, p);
      const value = grey.data[p];
      const over = paint ? paint.opacity : 0;
      const colour = (paint?.colour ?? INK).map((c) => Math.round(value + over * (c - value)));
      canvas.point(left + (p % size.width), top + Math.floor(p / size.width), colour);
    }
    const middle = top + (size.height >> 1);
    canvas.text(plane.edges.left, left + 4, middle);
    canvas.text(plane.edges.right, left + size.width - 14, middle);
    canvas.text(plane.edges.top, left + (size.width >> 1), top + 4);
    canvas.text(plane.edges.bottom, left + (size.width >> 1), top + size.height - 18);
  });
  organs.forEach(({ organ, label }, i) => {
    const left = GAP + (i % LEGEND_COLUMNS) * Math.floor((canvas.width - GAP) / LEGEND_COLUMNS);
    const top = FRAME.height + LINE + 3 * GAP + Math.floor(i / LEGEND_COLUMNS) * LINE;
    canvas.box(left, top, 14, 14, labelColour(label));
    const isThere = statistics[label].voxels > 0;
    canvas.text(isThere ? organ : `(${organ})`, left + 22, top, isThere ? INK : [120, 120, 120]);
  });
  return canvas.png();
}

/** The mean of the organs' centres in the view, each organ counted once; its middle where there is none. */
function meanCentre(view: RasView, statistics: readonly LabelStatistics[], shape: Xyz): Xyz {
  const centres = statistics.flatMap(({ centre }) => (centre ? [centre] : []));
  const along = (w: number) => {
    const axis = view.from[w];
    if (!centres.length) return Math.floor(view.shape[w] / 2);
    const mean = Math.round(centres.reduce((sum, centre) => sum + centre[axis], 0) / centres.length);
    return view.flipped[w] ? shape[axis] - 1 - mean : mean;
  };
  return [along(0), along(1), along(2)];
}

/** The view cut to the labelled heights with a margin, and the given place in it. */
function around(view: RasView, { data }: Volume<Uint8Array>, [x, y, z]: Xyz): [RasView, Xyz] {
  const [nx, ny, nz] = view.shape;
  const isLabelled = (plane: number) => {
    const start = view.start + plane * view.steps[2];
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) if (data[start + j * view.steps[1] + i * view.steps[0]]) return true;
    return false;
  };
  let low = 0;
  while (low < nz && !isLabelled(low)) low++;
  if (low === nz) return [view, [x, y, z]];
  let high = nz - 1;
  while (!isLabelled(high)) high--;
  const margin = Math.round(MARGIN_MM / spacingOf(view.affine)[2]);
  low = Math.max(0, low - margin);
  high = Math.min(nz - 1, high + margin);
  const start = view.start + low * view.steps[2];
  return [{ ...view, start, shape: [nx, ny, high - low + 1] }, [x, y, z - low]];
}

/** A slice as `sliceOf` gives it, of a volume that was not turned. */
function slice(data: VoxelArray, { shape, start, steps }: RasView, { axes }: Plane, index: number): Raster {
  const [width, height] = [shape[axes.across], shape[axes.down]];
  const out = new Float32Array(width * height);
  let to = 0;
  for (let y = height - 1; y >= 0; y--) {
    const row = start + index * steps[axes.through] + y * steps[axes.down];
    for (let x = width - 1; x >= 0; x--) out[to++] = data[row + x * steps[axes.across]];
  }
  return { width, height, data: out };
}
