/**
 * Which tile computes each convolution on this adapter: from a cache file, and with `full` measured where the cache
 * does not know. Adapters that are software run the direct kernel and are not tuned.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asideOf } from '@organseg/files/aside.ts';
import { renameOver } from '@organseg/files/rename.ts';
import type { AdapterFacts, TileChoice } from '@organseg/kernels/device.ts';
import { type ConvProblem, problemKey, type Tile } from '@organseg/kernels/ops/conv/choice/problem.ts';
import { tileCandidates } from '@organseg/kernels/ops/conv/choice/tile.ts';
import { TRIAL_TOLERANCE } from '@organseg/kernels/ops/conv/choice/trial.ts';
import { z } from 'zod';
import { say } from '../terminal/command.ts';

export const TUNE_MODES = ['off', 'cached', 'full'] as const;
export type TuneMode = (typeof TUNE_MODES)[number];

const count = z.int().positive();
const tileSchema = z.union([
  z.strictObject({ kernel: z.literal('direct') }),
  z.strictObject({
    kernel: z.enum(['fma', 'matrix']),
    lines: count,
    width: count,
    channels: count,
    depth: count,
    threads: count,
    splits: count.optional(),
  }),
]);
const cacheSchema = z.object({
  adapter: z.string(),
  driver: z.string(),
  tiles: z.record(z.string(), z.object({ tile: tileSchema, ms: z.number() })),
});
type Cache = z.infer<typeof cacheSchema>;

/** Version of the measurements, which changes where kernels change so that earlier ones say nothing any more. */
const VERSION = 3;

/** The folder where this system keeps what can be made again. */
function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return XDG_CACHE_HOME;
  if (process.platform === 'win32' && LOCALAPPDATA) return LOCALAPPDATA;
  return process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
}

/** The path of the cache, a file for each adapter and driver. */
function cachePath({ name, driver }: Pick<AdapterFacts, 'name' | 'driver'>): string {
  const key = createHash('sha256').update(`${name}\n${driver}\n${VERSION}`).digest('hex').slice(0, 12);
  return join(cacheFolder(), 'organseg', `tiles-${name.replace(/[^A-Za-z0-9]+/g, '-')}-${key}.json`);
}

/** The choice of tiles by what was measured on the adapter, or with `full` is measured now. */
export function tunedTiles(mode: TuneMode): TileChoice {
  let opened: { readonly path: string; readonly cache: Cache } | undefined;
  return (gpu, problem) => {
    if (mode === 'off' || gpu.adapter.software) return undefined;
    opened ??= openCache(gpu.adapter);
    const { path, cache } = opened;
    const key = problemKey(problem);
    if (!cache.tiles[key] && mode === 'full') {
      const candidates = tileCandidates(gpu, problem);
      if (candidates.length === 1) return candidates[0];
      const best = fastest(problem, candidates);
      if (!best) return undefined;
      cache.tiles[key] = best;
      say(`tuned ${key}: ${best.tile.kernel}, ${best.ms.toFixed(3)} ms`);
      writeCache(path, cache);
    }
    return cache.tiles[key]?.tile;
  };
}

/** The cache of an adapter, empty where there is none yet, and the path of its file. */
function openCache(adapter: AdapterFacts): { path: string; cache: Cache } {
  const path = cachePath(adapter);
  const { name, driver } = adapter;
  return { path, cache: readCache(path) ?? { adapter: name, driver, tiles: {} } };
}

function readCache(path: string): Cache | undefined {
  try {
    return cacheSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined; // none yet, or of another version
  }
}

function writeCache(path: string, cache: Cache): void {
  mkdirSync(join(path, '..'), { recursive: true });
  const aside = asideOf(path);
  writeFileSync(aside, JSON.stringify(cache, undefined, 1), { flag: 'wx' });
  renameOver(aside, path);
}

// The probe lies beside this file, as .ts, or in a bundle beside its one file, as .mjs.
const PROBE = fileURLToPath(
  new URL(extname(import.meta.url) === '.ts' ? './probe.ts' : './tuneProbe.mjs', import.meta.url),
);
const TIMEOUT_MS = 300_000;

/**
 * The fastest of the tiles that compute what the direct kernel does. A process that dies has died of the tile after the
 * last that it told of: another goes on behind it. One that told of none may have died of any that it compiled: the next
 * ones compile each tile when its turn comes.
 */
export function fastest(
  problem: ConvProblem,
  tiles: readonly Tile[],
  probe = PROBE,
): { tile: Tile; ms: number } | undefined {
  let best: { tile: Tile; ms: number } | undefined;
  let atOnce = true;
  for (let next = 0; next < tiles.length; ) {
    const input = JSON.stringify({ problem, tiles: tiles.slice(next), atOnce });
    const options = { input, encoding: 'utf8', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' } as const;
    const { stdout } = spawnSync(process.execPath, [probe], options);
    const told = [...stdout.matchAll(/^tried (.*)\n/gm)];
    for (const [, line] of told) {
      const { ms, error } = JSON.parse(line!) as { ms?: number; error?: number | null };
      const isRight = typeof error === 'number' && error <= TRIAL_TOLERANCE[problem.dtype];
      if (isRight && ms !== undefined && ms < (best?.ms ?? Number.POSITIVE_INFINITY)) {
        best = { tile: tiles[next]!, ms };
      }
      next++;
    }
    if (told.length === 0 && atOnce) atOnce = false;
    else next++;
  }
  return best;
}
