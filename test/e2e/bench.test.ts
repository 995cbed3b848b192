/** The benches count their work right and do the same work as their peer; the times are judged by nobody here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { shared } from '../cli.ts';

const BENCH = fileURLToPath(new URL('../../scripts/bench.ts', import.meta.url));

interface Unet {
  parameters: number;
  runs: { name: string; batch: number; ms: number; gflops: number; peakBytes: number }[];
  layers: { layer: string; pass: string; ms: number; gflops: number }[];
}

test('bench unet: operations, layers and peaks of a network small enough to count by hand', () => {
  const settings = ['filters=[2,3]', 'kernels=[[1,3,3],[3,3,3]]', 'strides=[[1,1,1],[2,2,2]]'];
  const set = [...settings, 'patch=[4,8,8]', 'batch=2'].flatMap((setting) => ['--set', setting]);
  const args = [BENCH, 'unet', '--preset', 'small', '--short', '--json', ...set];
  const { runs, layers } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Unet;

  const [fine, coarse] = [4 * 8 * 8, 2 * 4 * 4];
  const forward =
    2 * fine * (9 * 1 * 2 + 9 * 2 * 2 + 1 * 2) + // input block: conv1, conv2, shortcut
    2 * coarse * (27 * 2 * 3 + 27 * 3 * 3 + 2 * 3) + // bottleneck
    2 * fine * (3 * 2 + 27 * 4 * 2 + 27 * 2 * 2 + 2 * 14); // upsampling, two convolutions, output
  const ofImage = 2 * fine * (9 * 2 + 2); // no gradient of the image is owed
  const flops = runs.map(({ name, batch, ms, gflops }) => [name, batch, Math.round(ms * gflops * 1e6)]);
  expect(flops).toEqual([
    ['forward', 1, forward],
    ['forward + backward', 2, 2 * (3 * forward - ofImage)],
    ['step', 2, 2 * (3 * forward - ofImage)],
  ]);
  const convolutions = layers.filter(({ gflops }) => gflops > 0).map(({ layer, pass }) => `${layer} ${pass}`);
  expect(convolutions.filter((name) => name.endsWith('forward'))).toHaveLength(10);
  expect(convolutions).toHaveLength(20);
  for (const { peakBytes } of runs) expect(peakBytes).toBeGreaterThan(2 * fine * 14 * 4);
});

test('bench predict: each number of slices has its own windows', () => {
  const scan = ['--slices', '12,40', '--size', '40,40', '--spacing', '3,3,3'];
  const set = ['--set', 'patch=[16,16,16]', '--set', 'spacingMm=[3,3,3]'];
  const { runs } = JSON.parse(
    execFileSync(process.execPath, [BENCH, 'predict', '--json', ...scan, ...set], { encoding: 'utf8' }),
  );
  expect(runs[1].windows.all).toBeGreaterThan(runs[0].windows.all);
});

const MODEL = shared('golden/nnunet/plain3d');

test.skipIf(!MODEL)(
  'bench predict: folds of a model are chosen (skipped where ../shared is not there)',
  () => {
    const bench = (folds: string) =>
      spawnSync(process.execPath, [BENCH, 'predict', '--model', MODEL!, '--plan', '--folds', folds], {
        encoding: 'utf8',
      });
    expect(bench('1').status).toBe(0);
    expect(bench('1,4').stderr).toMatch(
      /plain3d: has no fold_4\/checkpoint_final\.pth; its folds are 0, 1$/m,
    );
    expect(bench('first').stderr).toBe(
      'bench: --folds first: Expected numbers of folds, such as 0,1, or all.\n',
    );
  },
);

const hasTorch = spawnSync('python3', ['-c', 'import torch']).status === 0;

test.skipIf(!hasTorch)(
  'bench predict --peer: PyTorch gives the same labels (needs python3 with torch)',
  () => {
    const scan = ['--slices', '12', '--size', '60,52', '--spacing', '1.5,1.5,2', '--set', 'patch=[16,32,48]'];
    for (const resample of ['labels', 'logits']) {
      const args = [BENCH, 'predict', '--json', '--peer', ...scan, '--resample', resample];
      const [{ peer }] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).runs;
      expect(peer.sameLabels, resample).toBeGreaterThan(0.9999);
    }
  },
);
