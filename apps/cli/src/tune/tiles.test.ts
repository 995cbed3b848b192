/** The choice of tiles, whatever a probe does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConvProblem, Tile } from '@organseg/kernels/ops/conv/choice/problem.ts';
import { afterAll, expect, test } from 'vitest';
import { fastest } from './tiles.ts';

const PROBLEM: ConvProblem = {
  pass: 'gather',
  dtype: 'f32',
  inputChannels: [8],
  outputChannels: 8,
  taps: [3, 3, 3],
  stride: [1, 1, 1],
  outStride: [1, 1, 1],
  sets: 1,
  size: [1, 4, 8, 16],
};
const tile = (threads: number): Tile => ({
  kernel: 'fma',
  lines: 2,
  width: 16,
  channels: 16,
  depth: 8,
  threads,
});

const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A probe that answers for the tiles by their threads: a crash when compiled or when tried, a wrong result, a time. */
function fakeProbe(): string {
  const path = join(folder, 'probe.mjs');
  writeFileSync(
    path,
    `import { json } from 'node:stream/consumers';
    const { tiles, atOnce } = await json(process.stdin);
    if (atOnce && tiles.some(({ threads }) => threads === 6)) process.kill(process.pid, 'SIGSEGV');
    for (const { threads } of tiles) {
      if (threads === 1 || threads === 6) process.kill(process.pid, 'SIGSEGV');
      const result = { 2: { ms: 0.1, error: 0.5 }, 3: { ms: 5, error: 0 }, 4: { ms: 3, error: 1e-6 }, 5: { fault: 'no' } };
      console.log('tried ' + JSON.stringify(result[threads]));
    }`,
  );
  return path;
}

test('the fastest right tile wins, whatever crashes on the way', () => {
  const tiles = [3, 1, 2, 1, 4, 5, 1].map(tile);
  expect(fastest(PROBLEM, tiles, fakeProbe())).toEqual({ tile: tile(4), ms: 3 });
  expect(fastest(PROBLEM, [3, 6, 1, 4].map(tile), fakeProbe())).toEqual({ tile: tile(4), ms: 3 });
  expect(fastest(PROBLEM, [1, 2, 5].map(tile), fakeProbe())).toBeUndefined();
});

test('tiles are tried on the adapter, gathers and weight gradients', () => {
  // 4096 invocations exceed any adapter.
  const tiles: Tile[] = [tile(4096), { kernel: 'direct' }];
  const gather = fastest(PROBLEM, tiles);
  expect(gather?.tile).toEqual({ kernel: 'direct' });
  expect(gather?.ms).toBeGreaterThan(0);
  const gradient = { ...PROBLEM, pass: 'weightGradient' as const };
  const pair: Tile[] = [{ kernel: 'fma', lines: 1, width: 16, channels: 16, depth: 16, threads: 16 }];
  expect(fastest(gradient, pair)?.tile).toEqual(pair[0]);
});
