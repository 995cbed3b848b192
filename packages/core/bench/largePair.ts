/**
 * Memory and time of scoring a pair of gzipped 512×512×300 label maps read as streams, as an edge worker does that
 * has 128 MB. Memory is what the process holds beyond what it held before the first byte was read.
 *   pnpm bench memory [--spread] [--json]
 * With --spread every organ has parts all over the volume, so that its box is the whole of it: the worst that can come.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { RULE_SETS, scoreCase } from '../src/metrics/score.ts';
import { FLARE22_ORGANS } from '../src/organs.ts';
import { openLabels } from '../src/volume/labelStream.ts';
import { niftiHeader } from '../src/volume/niftiFixture.ts';
import { packLabels } from '../src/volume/packedLabels.ts';

const SHAPE = [512, 512, 300];
const LABELS = FLARE22_ORGANS.map(({ id }) => id);

async function read(path: string) {
  const bytes = createReadStream(path, { highWaterMark: 64 << 10 });
  const stream = await openLabels({ name: path, bytes }, { labels: LABELS, maxVoxels: 2 ** 27 });
  return packLabels(stream, LABELS);
}

async function measure(reference: string, prediction: string): Promise<void> {
  const heldBytes = () => process.memoryUsage.rss();
  const before = heldBytes();
  const start = performance.now();
  const maps = [await read(reference), await read(prediction)] as const;
  const readMs = performance.now() - start;
  const { mean } = scoreCase(...maps, maps[0].spacingMm, FLARE22_ORGANS, RULE_SETS.flare22);
  const peakBytes = process.resourceUsage().maxRSS * 1024 - before;
  const result = { readMs, scoreMs: performance.now() - start - readMs, peakBytes, mean };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** A slice at a time: balls, shifted for the prediction. */
async function write(path: string, shift: number, isSpread: boolean): Promise<void> {
  const [nx, ny, nz] = SHAPE;
  const slices = function* () {
    yield niftiHeader({ shape: SHAPE, datatype: 2, bitpix: 8, pixdim: [1, 0.8, 0.8, 1.5] });
    for (let z = 0; z < nz; z++) {
      const slice = new Uint8Array(nx * ny);
      for (let y = 0, at = 0; y < ny; y++) {
        for (let x = 0; x < nx; x++, at++) slice[at] = organAt(x - shift, y - shift, z - shift, isSpread);
      }
      yield slice;
    }
  };
  await pipeline(slices, createGzip({ level: 1 }), createWriteStream(path));
}

/** A large organ of 3 l and a dozen of 0.26 l around it. */
function organAt(x: number, y: number, z: number, isSpread: boolean): number {
  if ((x - 180) ** 2 + (y - 200) ** 2 + (z - 180) ** 2 < 90 ** 2) return 1;
  const [i, j, k] = [Math.floor(x / 128), Math.floor(y / 128), Math.floor(z / 100)];
  const isNear = (x - 128 * i - 64) ** 2 + (y - 128 * j - 64) ** 2 + (z - 100 * k - 50) ** 2 < 40 ** 2;
  const ball = i + 4 * j + 16 * k;
  return isNear && (isSpread || ball < 12) ? 2 + (ball % 12) : 0;
}

const { values: options, positionals } = parseArgs({
  options: { spread: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const [reference, prediction] = positionals.slice(-2);
if (reference) {
  await measure(reference, prediction);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-large-'));
  try {
    const paths = [join(folder, 'reference.nii.gz'), join(folder, 'prediction.nii.gz')];
    await write(paths[0], 0, options.spread);
    await write(paths[1], 3, options.spread);
    // Scored in a process of its own, since this one has held the volumes that it wrote.
    const { stdout, stderr } = spawnSync(process.execPath, [process.argv[1], 'memory', ...paths], {
      encoding: 'utf8',
    });
    if (!stdout) throw new Error(stderr);
    const { readMs, scoreMs, peakBytes, mean } = JSON.parse(stdout);
    process.stdout.write(
      options.json
        ? stdout
        : `${SHAPE.join('×')}: read ${readMs.toFixed(0)} ms, scored ${scoreMs.toFixed(0)} ms, peak ${(peakBytes / 1e6).toFixed(0)} MB, DSC ${mean.dsc.toFixed(4)}\n`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
