/** The body's place in a scan, row by row along x: what lies outside is air. */
import type { Box, Volume, Xyz } from './volume.ts';

/** The ends of the body in each row. */
export interface BodyRows {
  /** The smallest box that holds the body; null where there is none. */
  readonly box: Box | null;
  /** Whether a box [from, to) holds a voxel between the ends of its row. */
  reach(from: Xyz, to: Xyz): boolean;
}

/** The first and the last voxel of each row above the threshold (NaN is not above). */
export function rowExtents({ data, shape }: Pick<Volume, 'data' | 'shape'>, threshold: number): BodyRows {
  const [nx, ny, nz] = shape;
  const firsts = new Int32Array(ny * nz).fill(nx);
  const ends = new Int32Array(ny * nz);
  const min: [number, number, number] = [nx, ny, nz];
  const max: [number, number, number] = [0, 0, 0];
  for (let z = 0, row = 0, start = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++, row++, start += nx) {
      let first = 0;
      while (first < nx && !(data[start + first] > threshold)) first++;
      if (first === nx) continue;
      let last = nx - 1;
      while (!(data[start + last] > threshold)) last--;
      firsts[row] = first;
      ends[row] = last + 1;
      min[0] = Math.min(min[0], first);
      max[0] = Math.max(max[0], last + 1);
      min[1] = Math.min(min[1], y);
      max[1] = Math.max(max[1], y + 1);
      min[2] = Math.min(min[2], z);
      max[2] = z + 1;
    }
  }
  return {
    box: max[2] === 0 ? null : { min, max },
    reach: (from, to) => {
      for (let z = from[2]; z < to[2]; z++)
        for (let y = from[1]; y < to[1]; y++) {
          const row = z * ny + y;
          if (firsts[row] < to[0] && ends[row] > from[0]) return true;
        }
      return false;
    },
  };
}
