/**
 * Exact Euclidean distances to a surface, one axis after the other: along x by walking, along y and z by the
 * lower envelope of parabolas (Felzenszwalb and Huttenlocher, 2012). O(corners).
 */
import type { Xyz } from '../volume/volume.ts';
import type { Surface } from './surface.ts';

/**
 * Squared distance in mm² of every corner of the surface's grid (x fastest, float64) to the nearest element;
 * Infinity where the surface has none.
 */
export function squaredDistances(surface: Surface, spacingMm: Xyz): Float64Array {
  const [nx, ny, nz] = surface.shape;
  const squares = distancesAlongX(surface, spacingMm[0]);
  const line = new Envelope(Math.max(ny, nz));
  for (let z = 0; z < nz; z++) {
    for (let x = 0; x < nx; x++) line.lower(squares, x + nx * ny * z, nx, ny, spacingMm[1]);
  }
  for (let y = 0; y < ny; y++) {
    for (let x = 0; x < nx; x++) line.lower(squares, x + nx * y, nx * ny, nz, spacingMm[2]);
  }
  return squares;
}

function distancesAlongX({ shape, words, elements }: Surface, spacing: number): Float64Array {
  const [nx, ny, nz] = shape;
  const squares = new Float64Array(nx * ny * nz);
  for (let row = 0; row < ny * nz; row++) {
    const isElement = (x: number) => (elements[row * words + (x >> 5)] >>> (x & 31)) & 1;
    const start = row * nx;
    for (let x = 0, steps = Infinity; x < nx; x++) {
      steps = isElement(x) ? 0 : steps + 1;
      squares[start + x] = steps;
    }
    for (let x = nx - 1, steps = Infinity; x >= 0; x--) {
      steps = isElement(x) ? 0 : steps + 1;
      squares[start + x] = (Math.min(steps, squares[start + x]) * spacing) ** 2;
    }
  }
  return squares;
}

/** The lowest parabola over each place of a line, one parabola standing on each place. */
class Envelope {
  readonly #heights: Float64Array;
  /** The places of the parabolas that are lowest somewhere, and from where on each of them is. */
  readonly #feet: Int32Array;
  readonly #from: Float64Array;

  constructor(longest: number) {
    this.#heights = new Float64Array(longest);
    this.#feet = new Int32Array(longest);
    this.#from = new Float64Array(longest);
  }

  /** Replaces each of `count` values f(p), `stride` apart, by min over q of f(q) + ((p − q)·spacing)². */
  lower(values: Float64Array, start: number, stride: number, count: number, spacing: number): void {
    const heights = this.#heights;
    const feet = this.#feet;
    const from = this.#from;
    let last = -1;
    for (let q = 0; q < count; q++) {
      const height = values[start + q * stride];
      heights[q] = height;
      if (height === Infinity) continue;
      let cut = -Infinity;
      for (; last >= 0; last--) {
        const foot = feet[last];
        // Where the parabolas on foot and on q are equally high.
        cut = (q + foot) / 2 + (height - heights[foot]) / (2 * (q - foot) * spacing * spacing);
        if (cut > from[last]) break;
      }
      last++;
      feet[last] = q;
      from[last] = last === 0 ? -Infinity : cut;
    }
    if (last < 0) return;
    for (let p = 0, lowest = 0; p < count; p++) {
      while (lowest < last && from[lowest + 1] <= p) lowest++;
      const foot = feet[lowest];
      values[start + p * stride] = heights[foot] + ((p - foot) * spacing) ** 2;
    }
  }
}
