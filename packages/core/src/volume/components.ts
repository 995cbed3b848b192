/**
 * Connected parts of a label, and holes in it. Both work on runs of voxels along x, joined by union–find, so that a
 * label costs memory by its surface and not by its volume.
 */
import type { Box, Volume } from './volume.ts';

/** Labels, wherever their grid lies. */
type Grid = Pick<Volume<Uint8Array>, 'shape' | 'data'>;

/** The number of voxels that each changed label lost or gained. */
export type Changes = ReadonlyMap<number, number>;

/**
 * Keeps each label's largest part alone; the rest becomes another label, in place, background unless given. Voxels that
 * share a corner are connected, as nnU-Net counts.
 */
export function keepLargestComponent(volume: Grid, labels: readonly number[], rest = 0): Changes {
  const lost = new Map<number, number>();
  for (const [label, box] of boxesOf(volume, labels)) {
    const runs = runsOf(volume, box, (value) => value === label);
    const part = parts(runs, 1);
    const sizes = new Map<number, number>();
    part.forEach((name, i) => {
      sizes.set(name, (sizes.get(name) ?? 0) + runs.end[i] - runs.start[i]);
    });
    const [largest] = [...sizes].reduce((a, b) => (b[1] > a[1] ? b : a)); // the first of equals
    let count = 0;
    part.forEach((name, i) => {
      if (name === largest) return;
      const row = runs.rowAt[runs.row[i]];
      volume.data.fill(rest, row + runs.start[i], row + runs.end[i]);
      count += runs.end[i] - runs.start[i];
    });
    if (count) lost.set(label, count);
  }
  return lost;
}

/**
 * Gives each label the background that it encloses, in place: what no path of voxels that share a face leads out of
 * (scipy's binary_fill_holes). Other labels inside stay.
 */
export function fillHoles(volume: Grid, labels: readonly number[]): Changes {
  const gained = new Map<number, number>();
  for (const [label, box] of boxesOf(volume, labels)) {
    const runs = runsOf(volume, box, (value) => value !== label);
    const part = parts(runs, 0);
    const { width, height } = runs;
    const depth = runs.rowAt.length / height;
    const open = new Set<number>();
    part.forEach((name, i) => {
      const [y, z] = [runs.row[i] % height, Math.floor(runs.row[i] / height)];
      const isAtSide = y === 0 || y === height - 1 || z === 0 || z === depth - 1;
      if (isAtSide || runs.start[i] === 0 || runs.end[i] === width) open.add(name);
    });
    let count = 0;
    part.forEach((name, i) => {
      if (open.has(name)) return;
      const row = runs.rowAt[runs.row[i]];
      for (let at = row + runs.start[i]; at < row + runs.end[i]; at++) {
        if (volume.data[at] !== 0) continue;
        volume.data[at] = label;
        count++;
      }
    });
    if (count) gained.set(label, count);
  }
  return gained;
}

/** The smallest box around each of those labels that the map holds. */
function boxesOf({ data, shape }: Grid, labels: readonly number[]): Map<number, Box> {
  if (!labels.length) return new Map();
  const [nx, ny, nz] = shape;
  const low = new Int32Array(3 * 256).fill(0x7fffffff);
  const high = new Int32Array(3 * 256).fill(-1);
  const widen = (label: number, axis: number, at: number) => {
    low[3 * label + axis] = Math.min(low[3 * label + axis], at);
    high[3 * label + axis] = Math.max(high[3 * label + axis], at);
  };
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; ) {
        const label = data[i];
        const first = x;
        while (x < nx && data[i] === label) {
          x++;
          i++;
        }
        if (label === 0) continue;
        widen(label, 0, first);
        widen(label, 0, x - 1);
        widen(label, 1, y);
        widen(label, 2, z);
      }
  return new Map(
    labels.flatMap((label): [number, Box][] => {
      if (high[3 * label] < 0) return [];
      const [min, max] = [low, high].map((ends) => [0, 1, 2].map((axis) => ends[3 * label + axis]));
      return [[label, { min: [min[0], min[1], min[2]], max: [max[0] + 1, max[1] + 1, max[2] + 1] }]];
    }),
  );
}

/** Voxels [start, end) of a box's rows along x, row by row, the rows of a plane one after another. */
interface Runs {
  readonly start: readonly number[];
  readonly end: readonly number[];
  readonly row: readonly number[];
  /** The first run of each row, then the number of runs. */
  readonly firstRun: readonly number[];
  /** The place in the volume's array where each row begins. */
  readonly rowAt: readonly number[];
  /** Voxels of a row, rows of a plane. */
  readonly width: number;
  readonly height: number;
}

function runsOf({ data, shape }: Grid, { min, max }: Box, isIn: (value: number) => boolean): Runs {
  const [start, end, row, firstRun, rowAt]: number[][] = [[], [], [], [], []];
  const width = max[0] - min[0];
  for (let z = min[2]; z < max[2]; z++)
    for (let y = min[1]; y < max[1]; y++) {
      const at = min[0] + shape[0] * (y + shape[1] * z);
      firstRun.push(start.length);
      for (let x = 0; x < width; ) {
        while (x < width && !isIn(data[at + x])) x++;
        if (x === width) break;
        start.push(x);
        while (x < width && isIn(data[at + x])) x++;
        end.push(x);
        row.push(rowAt.length);
      }
      rowAt.push(at);
    }
  firstRun.push(start.length);
  return { start, end, row, firstRun, rowAt, width, height: max[1] - min[1] };
}

/** The part of each run, named by one of its runs. Runs touch within `reach` voxels: 0 by faces, 1 by corners. */
function parts({ start, end, firstRun, rowAt, height }: Runs, reach: 0 | 1): Int32Array {
  const parent = Int32Array.from(start, (_, i) => i);
  const root = (run: number) => {
    let at = run;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  };
  const joinRows = (a: number, b: number) => {
    let j = firstRun[b];
    for (let i = firstRun[a]; i < firstRun[a + 1]; i++) {
      while (j < firstRun[b + 1] && end[j] + reach <= start[i]) j++;
      for (let k = j; k < firstRun[b + 1] && start[k] < end[i] + reach; k++) {
        const [one, other] = [root(i), root(k)];
        parent[Math.max(one, other)] = Math.min(one, other);
      }
    }
  };
  for (let row = 0; row < rowAt.length; row++) {
    const y = row % height;
    if (y > 0) joinRows(row, row - 1);
    if (row < height) continue;
    for (let dy = -reach; dy <= reach; dy++)
      if (y + dy >= 0 && y + dy < height) joinRows(row, row - height + dy);
  }
  return parent.map((_, run) => root(run));
}
