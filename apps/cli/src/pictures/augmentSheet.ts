/** Sheets of augmented patches: a column for each, under one another its image and its labels in two planes. */
import { xyzOf } from '@organseg/core/inference/axes.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { encodePng, organPaint, rgbOf } from './paint.ts';
import { PLANES, pictureSize, sliceOf, tellingSlices } from './planes.ts';
import { resizeNearest, resizeSmooth } from './resize.ts';

export interface SheetPatch {
  /** Intensities in [0, 1], D H W. */
  readonly image: Float32Array;
  /** D H W */
  readonly labels: Uint8Array;
}

// Lengths in pixels.
const FRAME = { width: 190, height: 190 };
const GAP = 4;

/**
 * A PNG of patches of one size in the slices that show most of the first one's organs. Intensities of 0 and less are
 * black, of 1 and more white.
 */
export function augmentSheet(patches: readonly SheetPatch[], size: Dhw, spacingMm: Xyz): Uint8Array {
  const grid = {
    shape: xyzOf(size),
    affine: scaleAndShift(spacingMm, [0, 0, 0]),
  };
  const places = tellingSlices({ ...grid, data: patches[0].labels });
  const rows = PLANES.slice(0, 2).flatMap((plane) => {
    const picture = pictureSize(grid, plane, FRAME);
    const at = places[plane.axes.through];
    const cells = patches.map(({ image, labels }) => {
      const smooth = resizeSmooth(sliceOf({ ...grid, data: image }, plane, at), picture);
      const grey = { ...picture, data: Uint8ClampedArray.from(smooth.data, (x) => 255 * x) };
      const organs = resizeNearest(sliceOf({ ...grid, data: labels }, plane, at), picture);
      return { plain: rgbOf(grey, () => null), painted: rgbOf(grey, (i) => organPaint(organs, i)) };
    });
    return [
      { ...picture, cells: cells.map(({ plain }) => plain) },
      { ...picture, cells: cells.map(({ painted }) => painted) },
    ];
  });
  const width = patches.length * (Math.max(...rows.map((row) => row.width)) + GAP) - GAP;
  const height = rows.reduce((sum, row) => sum + row.height + GAP, -GAP);
  const sheet = new Uint8Array(3 * width * height);
  let top = 0;
  for (const row of rows) {
    const step = (width + GAP) / patches.length;
    row.cells.forEach((cell, column) => {
      for (let y = 0; y < row.height; y++) {
        const line = cell.subarray(3 * y * row.width, 3 * (y + 1) * row.width);
        sheet.set(line, 3 * ((top + y) * width + column * step));
      }
    });
    top += row.height + GAP;
  }
  return encodePng(width, height, sheet);
}
