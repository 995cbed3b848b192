/**
 * NSD: the share of two surfaces that lies within a tolerance of the other one. Only whether a distance exceeds
 * the tolerance matters, so each element looks for the other surface in its neighbourhood, and no distance is
 * worked out.
 */
import type { Xyz } from '../volume/volume.ts';
import { forEachElement, type Surface } from './surface.ts';
import { surfaceAreas } from './surfaceArea.ts';

/**
 * Normalised surface Dice, 0 to 1, of two surfaces cut from the same box: the area of the elements that lie
 * within `toleranceMm` of an element of the other surface, over the area of all. NaN where both are empty.
 */
export function surfaceDice(
  reference: Surface,
  prediction: Surface,
  spacingMm: Xyz,
  toleranceMm: number,
): number {
  const areas = surfaceAreas(spacingMm);
  const ball = ballRows(reference.shape, spacingMm, toleranceMm);
  const a = areaWithin(reference, prediction, ball, areas);
  const b = areaWithin(prediction, reference, ball, areas);
  return (a.within + b.within) / (a.total + b.total);
}

/** A row of corners that a ball of the tolerance's radius cuts, and how far it reaches along it. */
interface BallRow {
  readonly dy: number;
  readonly dz: number;
  readonly reach: number;
}

/**
 * The rows of a ball, nearest first, since most elements find the other surface there; none longer or further off
 * than the box.
 */
function ballRows([nx, ny, nz]: Xyz, [sx, sy, sz]: Xyz, toleranceMm: number): BallRow[] {
  // The order of these operations is that of SciPy's distance_transform_edt, so that ties fall as they do there:
  // with a spacing of float32(0.6) five voxels are more than 3 mm.
  const distance = (dx: number, dy: number, dz: number) =>
    Math.sqrt(dx * sx * (dx * sx) + dy * sy * (dy * sy) + dz * sz * (dz * sz));
  const rows: BallRow[] = [];
  const ry = Math.min(ny - 1, Math.ceil(toleranceMm / sy));
  const rz = Math.min(nz - 1, Math.ceil(toleranceMm / sz));
  for (let dz = -rz; dz <= rz; dz++) {
    for (let dy = -ry; dy <= ry; dy++) {
      let reach = -1;
      while (reach < nx && distance(reach + 1, dy, dz) <= toleranceMm) reach++;
      if (reach >= 0) rows.push({ dy, dz, reach });
    }
  }
  return rows.sort((a, b) => distance(0, a.dy, a.dz) - distance(0, b.dy, b.dz));
}

function areaWithin(
  surface: Surface,
  other: Surface,
  ball: BallRow[],
  areas: Float64Array,
): { within: number; total: number } {
  const withinByCode = new Float64Array(256);
  const totalByCode = new Float64Array(256);
  // Neighbours mostly find the other surface in the same direction.
  let hint = 0;
  forEachElement(surface, (x, y, z, code) => {
    totalByCode[code]++;
    const row = isInRow(other, ball[hint], x, y, z) ? hint : nearRow(other, ball, x, y, z);
    if (row < 0) return;
    withinByCode[code]++;
    hint = row;
  });
  const area = (counts: Float64Array) => counts.reduce((sum, count, code) => sum + count * areas[code], 0);
  return { within: area(withinByCode), total: area(totalByCode) };
}

/** The first row of the ball in which the other surface has an element; -1 where none has. */
function nearRow(other: Surface, ball: BallRow[], x: number, y: number, z: number): number {
  for (let row = 0; row < ball.length; row++) if (isInRow(other, ball[row], x, y, z)) return row;
  return -1;
}

function isInRow(
  { elements, words, shape }: Surface,
  { dy, dz, reach }: BallRow,
  x: number,
  y: number,
  z: number,
): boolean {
  const [nx, ny, nz] = shape;
  const ry = y + dy;
  const rz = z + dz;
  if (ry < 0 || ry >= ny || rz < 0 || rz >= nz) return false;
  const first = Math.max(0, x - reach);
  const last = Math.min(nx - 1, x + reach);
  return anyBit(elements, (ry + ny * rz) * words, first, last);
}

/** Whether a bit from `first` to `last` (both included) of the row that starts at word `row` is set. */
function anyBit(bits: Int32Array, row: number, first: number, last: number): boolean {
  let word = row + (first >> 5);
  const end = row + (last >> 5);
  let from = -1 << (first & 31);
  for (; word < end; word++, from = -1) {
    if (bits[word] & from) return true;
  }
  return (bits[end] & from & (-1 >>> (31 - (last & 31)))) !== 0;
}
