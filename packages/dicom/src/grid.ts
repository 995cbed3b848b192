/** The grid of a series: its slices in the order of space, evenly apart, and the affine of their voxels. */
import { InputError } from '@organseg/core/inputError.ts';
import { affineFromRows } from '@organseg/core/volume/affine.ts';
import { cross, dot, normalised } from '@organseg/core/volume/vectors.ts';
import { type Grid, type Xyz, xyz } from '@organseg/core/volume/volume.ts';
import { plural } from '@organseg/core/words.ts';
import type { DicomSlice } from './slices.ts';

export interface SeriesGrid extends Grid {
  /** One for each z, in the order of the planes. */
  readonly slices: readonly DicomSlice[];
  /** Files passed over because they hold a slice again. */
  readonly copies: number;
}

/** Tolerances: of components of unit vectors, relative ones of spacings, and of places in mm. */
const SAME_DIRECTION = 1e-3;
const SAME_SPACING = 1e-4;
const SAME_PLACE_MM = 1e-2;
/** Share of the slices' distance by which one may be off its place. */
const UNEVEN = 0.1;
/** Degrees by which the slices may be shifted against their normal. */
const MAX_TILT_DEGREES = 0.5;

/**
 * The grid of slices: columns are x, rows are y from the last to the first, as dcm2niix writes them, and slices lie in the
 * order in which the normal, row × column, points. Throws InputError where they do not lie on one grid.
 */
export function gridOf(all: readonly DicomSlice[], name: string): SeriesGrid {
  const first = all[0]!;
  assertAlike(all);
  const { alongRow, alongColumn, spacingMm, pixels } = first;
  const normal = normalised(cross(alongRow, alongColumn)); // files round the components
  const along = (slice: DicomSlice) => dot(slice.position, normal);
  const sorted = [...all].sort((a, b) => along(a) - along(b));
  const slices = withoutCopies(sorted, along);
  const last = slices.length - 1;
  const step = last
    ? xyz((axis) => (slices[last]!.position[axis] - slices[0]!.position[axis]) / last)
    : xyz((axis) => normal[axis] * (first.thicknessMm ?? 1));
  assertEven(slices, along, name);
  assertUpright(slices, step, normal, name);
  const start = slices[0]!.position;
  const [right, down] = [
    xyz((axis) => alongRow[axis] * spacingMm[0]),
    xyz((axis) => alongColumn[axis] * spacingMm[1]),
  ];
  // DICOM's x and y point to the left and to the back, the affine's to the right and to the front.
  const rows = [0, 1, 2].map((axis) => {
    const sign = axis < 2 ? -1 : 1;
    const origin = start[axis] + down[axis] * (pixels.rows - 1);
    return [right[axis], -down[axis], step[axis], origin].map((value) => sign * value || 0);
  });
  return {
    shape: [pixels.columns, pixels.rows, slices.length],
    affine: affineFromRows(rows),
    slices,
    copies: all.length - slices.length,
  };
}

/** Throws InputError that names the slice which is not as most of the others are. */
function assertAlike(slices: readonly DicomSlice[]): void {
  const near = (a: readonly number[], b: readonly number[], tolerance: number) =>
    a.every((value, i) => Math.abs(value - b[i]!) <= tolerance);
  const size = ({ pixels }: DicomSlice) => `${pixels.columns}×${pixels.rows} pixels`;
  const spacing = ({ spacingMm }: DicomSlice) => `pixels of ${spacingMm.map(short).join(' × ')} mm`;
  const direction = ({ alongRow, alongColumn }: DicomSlice) =>
    `the orientation ${[...alongRow, ...alongColumn].map(short).join(', ')}`;
  oddOneOut(slices, size, (a, b) => size(a) === size(b));
  oddOneOut(slices, direction, (a, b) =>
    near([...a.alongRow, ...a.alongColumn], [...b.alongRow, ...b.alongColumn], SAME_DIRECTION),
  );
  oddOneOut(slices, spacing, (a, b) => near(a.spacingMm, b.spacingMm, SAME_SPACING * a.spacingMm[0]));
  oddOneOut(
    slices,
    ({ frameOfReferenceUid }) => `the frame of reference ${frameOfReferenceUid ?? '–'}`,
    (a, b) => a.frameOfReferenceUid === b.frameOfReferenceUid,
  );
}

const short = (value: number) => String(Number(value.toPrecision(6)));

function oddOneOut(
  slices: readonly DicomSlice[],
  words: (slice: DicomSlice) => string,
  isAlike: (a: DicomSlice, b: DicomSlice) => boolean,
): void {
  const first = slices[0]!;
  const others = slices.filter((slice) => !isAlike(first, slice));
  if (!others.length) return;
  const [odd, usual] = others.length > slices.length / 2 ? [first, others[0]!] : [others[0]!, first];
  throw new InputError(
    `${placeName(odd)}: has ${words(odd)}, ${placeName(usual)} of its series has ${words(usual)}`,
  );
}

/** The file of a slice, and its frame where there are several. */
const placeName = ({ file, frame, pixels }: DicomSlice): string =>
  pixels.frames > 1 ? `${file.name}, frame ${frame + 1}` : file.name;

/** Leaves out what is the same instance again. Throws InputError where two instances lie in one place. */
function withoutCopies(sorted: readonly DicomSlice[], along: (slice: DicomSlice) => number): DicomSlice[] {
  const kept: DicomSlice[] = [];
  for (const slice of sorted) {
    const before = kept.at(-1);
    if (!before || along(slice) - along(before) > SAME_PLACE_MM) {
      kept.push(slice);
      continue;
    }
    const isCopy = slice.sopInstanceUid === before.sopInstanceUid && slice.frame === before.frame;
    if (isCopy && slice.sopInstanceUid) continue;
    throw new InputError(
      `${placeName(slice)}: lies in the same place as ${placeName(before)}${difference(slice, before)}`,
    );
  }
  return kept;
}

/** By what two slices in one place are told apart, such as two echoes of MR; empty where by nothing. */
function difference(slice: DicomSlice, before: DicomSlice): string {
  const [name, value] =
    [...slice.phase].find(([name, value]) => !Object.is(value, before.phase.get(name))) ?? [];
  if (name === undefined) return '';
  const words = [before.phase.get(name)!, value!].map((each) => (Number.isNaN(each) ? 'none' : short(each)));
  return ` (${name} ${words.join(' and ')}): keep one scan of the series in the folder`;
}

/** Throws InputError where slices are missing between others, or they are not evenly apart. */
function assertEven(slices: readonly DicomSlice[], along: (slice: DicomSlice) => number, name: string): void {
  if (slices.length < 3) return;
  const gaps = slices.slice(1).map((slice, i) => along(slice) - along(slices[i]!));
  const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1]!;
  const between = (i: number) => `between ${placeName(slices[i]!)} and ${placeName(slices[i + 1]!)}`;
  const wide = gaps.findIndex((gap) => gap > (1 + UNEVEN) * usual);
  if (wide >= 0) {
    const missing = gaps[wide]! / usual - 1;
    const isWhole = Math.abs(missing - Math.round(missing)) < UNEVEN && missing > 0.5;
    const cause = isWhole ? `${plural(Math.round(missing), 'slice')} missing` : 'slices are unevenly apart';
    throw new InputError(
      `${name}: ${cause}: ${short(gaps[wide]!)} mm ${between(wide)}, elsewhere ${short(usual)} mm`,
    );
  }
  const narrow = gaps.findIndex((gap) => gap < (1 - UNEVEN) * usual);
  if (narrow >= 0)
    throw new InputError(
      `${name}: slices are unevenly apart: ${short(gaps[narrow]!)} mm ${between(narrow)}, elsewhere ${short(usual)} mm`,
    );
}

/** Throws InputError where slices are shifted against each other, as a tilted gantry leaves them, or one is off its place. */
function assertUpright(slices: readonly DicomSlice[], step: Xyz, normal: Xyz, name: string): void {
  const lengthMm = Math.hypot(...step);
  const tilt = (Math.acos(Math.min(1, dot(step, normal) / lengthMm)) * 180) / Math.PI;
  if (tilt > MAX_TILT_DEGREES)
    throw new InputError(
      `${name}: slices are shifted by ${short(Number(tilt.toFixed(1)))}° against their normal, as a tilted gantry leaves them; straighten the scan first, as dcm2niix does`,
    );
  const start = slices[0]!.position;
  for (const [i, slice] of slices.entries()) {
    const off = xyz((axis) => slice.position[axis] - start[axis] - i * step[axis]);
    const offMm = Math.hypot(...off);
    if (offMm > Math.max(UNEVEN * lengthMm, SAME_PLACE_MM))
      throw new InputError(`${placeName(slice)}: lies ${short(offMm)} mm off the line of the other slices`);
  }
}
