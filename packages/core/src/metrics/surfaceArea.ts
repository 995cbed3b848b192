/**
 * The area of the surface inside a cell of 2×2×2 voxel centres, for each of the 256 ways in which they can be in
 * or out of a mask: marching cubes with vertices at the edges' midpoints, made here from its rules.
 *
 * 1. Where more than four corners are in, in and out change places: the surface is the same.
 * 2. On a face whose two inner corners are diagonal, each is cut off by itself.
 * 3. A polygon becomes the fan of triangles with the largest area on a cubic cell; no choice is left open.
 *
 * Corners are numbered 4a + 2b + c at offset (a, b, c) along (x, y, z) from the lowest, and corner i carries the
 * bit 128 >> i of a code: the neighbour codes of google-deepmind/surface-distance, whose table these areas equal.
 */
import type { Xyz } from '../volume/volume.ts';

type Vector = readonly number[];

/** The corners of the six faces, each walked round in the same sense as seen from outside. */
const FACES = [
  [4, 2, 1],
  [2, 1, 4],
  [1, 4, 2],
].flatMap(([axis, u, v]) => [
  [0, u, u | v, v],
  [axis | v, axis | u | v, axis | u, axis],
]);

/** Vector areas of the triangles of each code, in a cell of side 1. */
const TRIANGLES: readonly Vector[][] = Array.from({ length: 256 }, (_, code) =>
  polygons(bitCount(code) > 4 ? 255 - code : code).flatMap(largestFan),
);

/** The surface area in mm² inside a cell, by neighbour code, for voxels of the given size. */
export function surfaceAreas([sx, sy, sz]: Xyz): Float64Array {
  const area = ([nx, ny, nz]: Vector) => norm([nx * sy * sz, ny * sx * sz, nz * sx * sy]);
  return Float64Array.from(TRIANGLES, (triangles) => triangles.reduce((sum, n) => sum + area(n), 0));
}

/** The closed polygons of the midpoints of cut edges. */
function polygons(code: number): Vector[][] {
  // On each face a segment goes round every run of inner corners, from the edge that enters to the one that leaves.
  const isIn = (corner: number) => (code & (128 >> corner)) !== 0;
  const edge = (inner: number, outer: number) => 8 * inner + outer;
  const next = new Map<number, number>();
  for (const face of FACES) {
    for (let start = 0; start < 4; start++) {
      const before = face[(start + 3) % 4];
      if (!isIn(face[start]) || isIn(before)) continue;
      let last = start;
      while (isIn(face[(last + 1) % 4])) last++;
      next.set(edge(face[start], before), edge(face[last % 4], face[(last + 1) % 4]));
    }
  }
  const found: Vector[][] = [];
  for (const [first] of next) {
    const polygon: Vector[] = [];
    for (let at: number | undefined = first; at !== undefined && next.has(at); ) {
      polygon.push(midpoint(at >> 3, at & 7));
      const following = next.get(at);
      next.delete(at);
      at = following;
    }
    found.push(polygon);
  }
  return found;
}

function midpoint(corner: number, other: number): Vector {
  return [4, 2, 1].map((axis) => (((corner & axis) + (other & axis)) / axis) * 0.5);
}

/** Vector areas (half the cross product of two sides) of the fan's triangles. */
function largestFan(polygon: Vector[]): Vector[] {
  const fans = polygon.map((apex, k) => {
    const rim = [...polygon.slice(k + 1), ...polygon.slice(0, k)].map((point) => minus(point, apex));
    return rim.slice(1).map((side, i) => cross(rim[i], side).map((part) => part / 2));
  });
  const size = (fan: Vector[]) => fan.reduce((sum, n) => sum + norm(n), 0);
  return fans.reduce((best, fan) => (size(fan) > size(best) ? fan : best));
}

function minus(a: Vector, b: Vector): Vector {
  return a.map((part, i) => part - b[i]);
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function norm(a: Vector): number {
  return Math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
}

function bitCount(code: number): number {
  let count = 0;
  for (let rest = code; rest; rest &= rest - 1) count++;
  return count;
}
