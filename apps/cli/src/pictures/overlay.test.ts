/** Pictures of a case, read back from their PNGs. */
import { affineFromRows } from '@organseg/core/volume/affine.ts';
import type { Affine, Volume, Xyz } from '@organseg/core/volume/volume.ts';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { onGrid } from '../../../../packages/core/test/onGrid.ts';
import { caseViews, DISAGREEMENTS, type View } from './overlay.ts';

const [LIVER, SPLEEN] = [1, 3];
const SHAPE: Xyz = [20, 16, 10];
const SPACING: Xyz = [2, 2, 6];

const diagonal = ([x, y, z]: Xyz, shift: Xyz = [0, 0, 0]): Affine =>
  affineFromRows([
    [x, 0, 0, shift[0]],
    [0, y, 0, shift[1]],
    [0, 0, z, shift[2]],
  ]);
const RAS = diagonal(SPACING);
/** The same world, the first two axes running the other way. */
const LPS = diagonal([-2, -2, 6], [2 * (SHAPE[0] - 1), 2 * (SHAPE[1] - 1), 0]);

/** A RAS+ label map with boxes of a label: [label, from, up to and including]. */
function labels(...boxes: [number, Xyz, Xyz][]): Volume<Uint8Array> {
  const [nx, ny, nz] = SHAPE;
  const data = new Uint8Array(nx * ny * nz);
  for (const [label, low, high] of boxes) {
    for (let z = low[2]; z <= high[2]; z++) {
      for (let y = low[1]; y <= high[1]; y++) {
        for (let x = low[0]; x <= high[0]; x++) data[x + nx * (y + ny * z)] = label;
      }
    }
  }
  return { shape: SHAPE, affine: RAS, data };
}

const ct = (hu = 40): Volume<Int16Array> => ({
  shape: SHAPE,
  affine: RAS,
  data: new Int16Array(SHAPE[0] * SHAPE[1] * SHAPE[2]).fill(hu),
});

/** Head first: the patient's right is at high x, the front at high y, the head at high z. */
const RIGHT_FRONT_HEAD = labels([LIVER, [15, 11, 7], [18, 14, 8]]);

interface Pixel {
  readonly x: number;
  readonly y: number;
  readonly rgb: readonly number[];
}

/** The pixels that are not grey. */
function coloured(bytes: Uint8Array): Pixel[] {
  const { width, height, data, channels } = decode(bytes);
  expect(channels).toBe(3);
  const all = Array.from({ length: width * height }, (_, i) => {
    return { x: i % width, y: Math.floor(i / width), rgb: [...data.subarray(3 * i, 3 * i + 3)] };
  });
  return all.filter(({ rgb: [r, g, b] }) => r !== g || g !== b);
}

const centre = (pixels: readonly Pixel[]) => ({
  x: pixels.reduce((sum, { x }) => sum + x, 0) / pixels.length,
  y: pixels.reduce((sum, { y }) => sum + y, 0) / pixels.length,
});

describe('orientation', () => {
  it.each([
    ['RAS', RAS],
    ['LPS', LPS],
  ])('shows the patient’s right on the left, front and head up, of a %s file', (_, affine) => {
    const grid = { shape: SHAPE, affine };
    const [image, truth] = [onGrid(ct(), grid, 'edge'), onGrid(RIGHT_FRONT_HEAD, grid, 'edge')];
    const [axial, coronal, sagittal] = caseViews(image, truth, truth);
    for (const { plane, width, height, reference } of [axial, coronal, sagittal]) {
      const { x, y } = centre(coloured(reference));
      expect(x, plane.name).toBeLessThan(width / 2);
      expect(y, plane.name).toBeLessThan(height / 2);
    }
    expect(axial.plane.edges).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' });
    expect(coronal.plane.edges).toEqual({ left: 'R', right: 'L', top: 'H', bottom: 'F' });
    expect(sagittal.plane.edges).toEqual({ left: 'A', right: 'P', top: 'H', bottom: 'F' });
  });

  it('gives the same pictures of one scan in either orientation', () => {
    const grid = { shape: SHAPE, affine: LPS };
    const [image, truth] = [onGrid(ct(), grid, 'edge'), onGrid(RIGHT_FRONT_HEAD, grid, 'edge')];
    expect(caseViews(image, truth, truth)).toEqual(caseViews(ct(), RIGHT_FRONT_HEAD, RIGHT_FRONT_HEAD));
  });
});

describe('geometry', () => {
  it('has square pixels: sides in proportion to millimetres', () => {
    const truth = labels([LIVER, [2, 2, 4], [5, 5, 5]]);
    for (const { plane, width, height } of caseViews(ct(), truth, truth)) {
      const { across, down } = plane.axes;
      const sides = [40, 32, 60];
      expect(width / height, plane.name).toBeCloseTo(sides[across] / sides[down], 1);
      expect(height).toBe(300);
    }
  });

  it('shows the slice with most organs, each counting the same', () => {
    // The liver is largest at z = 2; at z = 5 it is smaller, but the spleen is there too.
    const truth = labels(
      [LIVER, [1, 1, 2], [12, 12, 2]],
      [LIVER, [1, 1, 5], [12, 9, 5]],
      [SPLEEN, [15, 1, 5], [16, 2, 5]],
    );
    expect(caseViews(ct(), truth, truth)[0].slice).toBe(5);
  });

  it('leaves out what lies far above and below the labels', () => {
    const tall: Xyz = [20, 16, 100];
    const data = new Uint8Array(20 * 16 * 100);
    data.fill(LIVER, 20 * 16 * 60, 20 * 16 * 62);
    const truth = { shape: tall, affine: RAS, data };
    const image = { shape: tall, affine: RAS, data: new Int16Array(data.length) };
    const [axial, coronal] = caseViews(image, truth, truth);
    expect(axial.slice).toBe(60);
    // Two slices and 30 mm on either side: 72 mm of 600.
    expect(coronal.width / coronal.height).toBeCloseTo(40 / 72, 1);
  });

  it('refuses maps of another grid', () => {
    const elsewhere = { ...RIGHT_FRONT_HEAD, affine: diagonal(SPACING, [0, 0, 30]) };
    expect(() => caseViews(ct(), RIGHT_FRONT_HEAD, elsewhere)).toThrow(/another affine/);
  });
});

describe('pictures', () => {
  it('shows the abdominal window: −160 HU and below black, 240 HU and above white', () => {
    const grey = (hu: number) => {
      const empty = labels();
      const { data } = decode(caseViews(ct(hu), empty, empty)[0].reference);
      return [...new Set(data)];
    };
    expect([-1000, -160, 0, 240, 3000].map(grey)).toEqual([[0], [0], [102], [255], [255]]);
  });

  it('paints the organ in the picture of the map that has it', () => {
    const [axial] = caseViews(ct(), RIGHT_FRONT_HEAD, labels());
    expect(coloured(axial.prediction)).toEqual([]);
    const painted = coloured(axial.reference);
    // 4 × 4 of 20 × 16 voxels, in the liver's red.
    expect(painted.length / (axial.width * axial.height)).toBeCloseTo(16 / 320, 2);
    for (const { rgb } of painted) expect(rgb[0]).toBeGreaterThan(Math.max(rgb[1], rgb[2]));
    // The contour is stronger than what it encloses.
    expect(new Set(painted.map(({ rgb }) => rgb.join())).size).toBe(2);
  });

  it('marks exactly the voxels that disagree, by kind', () => {
    const truth = labels([LIVER, [2, 2, 4], [5, 5, 4]], [SPLEEN, [12, 2, 4], [15, 5, 4]]);
    const guess = labels(
      [LIVER, [3, 2, 4], [6, 5, 4]], // one column missed at x = 2, one false at x = 6
      [SPLEEN, [12, 2, 4], [15, 5, 4]],
      [LIVER, [12, 2, 4], [15, 2, 4]], // a row of the spleen called liver
    );
    const [axial] = caseViews(ct(0), truth, guess);
    const of = (kind: keyof typeof DISAGREEMENTS) => {
      // Over the grey of 0 HU, which is 102.
      const colour = DISAGREEMENTS[kind].colour.map((c) => Math.round(102 + 0.8 * (c - 102))).join();
      return voxelsUnder(
        coloured(axial.difference).filter(({ rgb }) => rgb.join() === colour),
        axial,
      );
    };
    const column = (x: number) => [2, 3, 4, 5].map((y) => `${x},${y}`);
    expect(of('missed')).toEqual(column(2));
    expect(of('false')).toEqual(column(6));
    expect(of('other')).toEqual(['12,2', '13,2', '14,2', '15,2']);
    const marked = voxelsUnder(coloured(axial.difference), axial);
    expect(marked).toHaveLength(12);
  });
});

/** The RAS+ voxels, `x,y`, that these pixels of an axial picture show; sorted. */
function voxelsUnder(pixels: readonly Pixel[], { width, height }: View): string[] {
  const voxels = pixels.map(({ x, y }) => [
    SHAPE[0] - 1 - Math.floor(((x + 0.5) / width) * SHAPE[0]),
    SHAPE[1] - 1 - Math.floor(((y + 0.5) / height) * SHAPE[1]),
  ]);
  const unique = new Map(voxels.map((voxel) => [voxel.join(), voxel]));
  return [...unique.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((voxel) => voxel.join());
}
