/**
 * Time and memory of scoring a pair of label maps, and how they grow with voxels and organs.
 *   pnpm bench metrics [--json]
 * The organs are ellipsoids of about their true sizes; the prediction is the reference moved by a few voxels.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type LabelMap, labelMap } from '../src/metrics/labelMap.ts';
import { RULE_SETS, scoreCase } from '../src/metrics/score.ts';
import { FLARE22_ORGANS } from '../src/organs.ts';
import { voxelCount, type Xyz } from '../src/volume/volume.ts';

const FULL: Xyz = [512, 424, 224];
const HALF: Xyz = [256, 212, 112];
const FULL_SPACING: Xyz = [0.715, 0.715, 1.5];
const RUNS = 7;

/** Centre and half axes along x, y, z, in mm from the volume's low corner, by organ id − 1. */
const ELLIPSOIDS = [
  [110, 150, 220, 75, 85, 70],
  [120, 210, 120, 28, 25, 50],
  [280, 200, 230, 40, 35, 50],
  [195, 140, 165, 60, 14, 20],
  [190, 200, 160, 11, 11, 150],
  [160, 190, 160, 12, 10, 130],
  [150, 215, 190, 6, 12, 12],
  [225, 215, 190, 7, 12, 12],
  [120, 90, 150, 18, 22, 28],
  [205, 165, 300, 11, 9, 30],
  [255, 110, 210, 50, 40, 55],
  [150, 140, 120, 28, 20, 40],
  [255, 215, 125, 28, 25, 50],
];

interface Result {
  readonly shape: Xyz;
  readonly organs: number;
  readonly firstMs: number;
  readonly medianMs: number;
  readonly peakGrowthMb: number;
}

const { values: options } = parseArgs({ options: { json: { type: 'boolean' } } });

/** The memory of the two maps, touched before anything is measured; every pair lies in it. */
const buffers = [0, 1].map(() => new Uint8Array(voxelCount(FULL)).fill(255));
const bytesBefore = process.memoryUsage.rss();

/** Work that grows, so that the process's highest memory so far is that of the run just measured. */
const results: Result[] = [measure(HALF, 13), measure(FULL, 1), measure(FULL, 5), measure(FULL, 13)];

if (options.json) {
  process.stdout.write(`${JSON.stringify({ cpu: cpus()[0].model, node: process.version, results })}\n`);
} else {
  const rows = results.map(({ shape, organs, firstMs, medianMs, peakGrowthMb }) =>
    [shape.join('×'), organs, firstMs.toFixed(0), medianMs.toFixed(0), peakGrowthMb.toFixed(0)]
      .map((cell, i) => String(cell).padStart(i === 0 ? 12 : 9))
      .join(''),
  );
  process.stdout.write(`${cpus()[0].model}, Node ${process.version}\n`);
  process.stdout.write(`       shape   organs first ms median ms  peak MB\n${rows.join('\n')}\n`);
}

function measure(shape: Xyz, organCount: number): Result {
  const factor = FULL[0] / shape[0];
  const spacingMm: Xyz = [
    Math.fround(FULL_SPACING[0] * factor),
    Math.fround(FULL_SPACING[1] * factor),
    Math.fround(FULL_SPACING[2] * factor),
  ];
  const organs = FLARE22_ORGANS.slice(0, organCount);
  const reference = ellipsoids(buffers[0], shape, spacingMm, organCount, [0, 0, 0]);
  const prediction = ellipsoids(buffers[1], shape, spacingMm, organCount, [3, 2, 1]);
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    scoreCase(reference, prediction, spacingMm, organs, RULE_SETS.flare22);
    return performance.now() - start;
  });
  return {
    shape,
    organs: organCount,
    firstMs: times[0],
    medianMs: times.toSorted((a, b) => a - b)[RUNS >> 1],
    peakGrowthMb: (process.resourceUsage().maxRSS * 1024 - bytesBefore) / 1e6,
  };
}

function ellipsoids(
  buffer: Uint8Array,
  shape: Xyz,
  spacingMm: Xyz,
  organCount: number,
  shift: Xyz,
): LabelMap {
  const [nx, ny] = shape;
  const data = buffer.subarray(0, voxelCount(shape)).fill(0);
  for (const [i, mm] of ELLIPSOIDS.slice(0, organCount).entries()) {
    const centre = [0, 1, 2].map((axis) => mm[axis] / spacingMm[axis] + shift[axis]);
    const half = [0, 1, 2].map((axis) => mm[3 + axis] / spacingMm[axis]);
    const from = (axis: number) => Math.max(0, Math.ceil(centre[axis] - half[axis]));
    const to = (axis: number) => Math.min(shape[axis] - 1, Math.floor(centre[axis] + half[axis]));
    for (let z = from(2); z <= to(2); z++) {
      for (let y = from(1); y <= to(1); y++) {
        const rest = 1 - ((z - centre[2]) / half[2]) ** 2 - ((y - centre[1]) / half[1]) ** 2;
        if (rest < 0) continue;
        const reach = half[0] * Math.sqrt(rest);
        const row = nx * (y + ny * z);
        const first = Math.max(0, Math.ceil(centre[0] - reach));
        const last = Math.min(nx - 1, Math.floor(centre[0] + reach));
        data.fill(i + 1, row + first, row + Math.max(first, last + 1));
      }
    }
  }
  return labelMap(shape, data, 'generated');
}
