/** Experiments by command, so small that each takes seconds. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cli, cliHere, cliJsonHere } from '../cli.ts';

const arm = { start: 'teacher', unlabelled: 'none' };
const design = {
  title: 'Six arms',
  about: 'Small.',
  phantom: { seed: 3, spacingMm: 10, labelledAtOneCentre: true, labelled: [2], unlabelled: 2, test: 2 },
  preset: 'small',
  set: {
    ...TINY_NETWORK,
    stepsPerEpoch: 2,
    initial: { epochs: 3, learningRate: 0.01, augment: true },
    fineTuning: { epochs: 1, learningRate: 0.001, augment: false },
    selection: [{ strategy: 'keep-all' }],
    weightAverage: 0.9,
    branchAt: 0.4,
    checkpoint: 'final',
  },
  seeds: [1],
  baseline: 'labelled only',
  arms: [
    { ...arm, name: 'labelled only', start: 'same' },
    { ...arm, name: 'taught', unlabelled: 'pseudo-labels', set: { pseudoShare: 0.5 } },
    {
      name: 'folds',
      start: 'scratch',
      unlabelled: 'none',
      set: { folds: 2, studentStart: 'scratch', teacherMirror: ['x'], 'initial.epochs': 4 },
    },
    { ...arm, name: 'taught by folds', unlabelled: 'pseudo-labels', labelledBy: ['folds'] },
    {
      name: 'copy-paste',
      start: 'branch',
      unlabelled: 'own',
      set: {
        copyPaste: {
          partner: 'unlabelled',
          boxShare: 0.6,
          pseudoWeight: 0.5,
          labelledShare: 0,
          pseudoLabels: { refresh: 2, leastProbability: 0 },
        },
      },
    },
    {
      name: 'second round',
      start: 'branch',
      unlabelled: 'pseudo-labels',
      labelledBy: ['copy-paste'],
      like: 'copy-paste',
    },
  ],
};

let folder: string;
let file: string;
let out: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  [file, out] = [join(folder, 'design.json'), join(folder, 'experiment')];
  writeFileSync(file, JSON.stringify(design));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (path: string) => readFileSync(path, 'utf8');
const resultsIn = (path: string) => JSON.parse(read(join(path, 'results.json')));

test('an experiment runs its arms, goes on after a stop, and refuses another design', async () => {
  const stopped = await cli(['experiment', file, '--out', out, '--minutes', '0.0001']);
  expect(stopped.code).toBe(124);
  expect(stopped.stderr).toContain('--resume continues');
  expect((await cliHere(['experiment', file, '--out', out])).stderr).toContain('holds an experiment already');
  await cliJsonHere(['experiment', file, '--out', out, '--resume']);
  const { results, runs } = resultsIn(out);
  expect(results.map((each: { arm: string; steps: number }) => [each.arm, each.steps])).toEqual([
    ['labelled only', 6],
    ['taught', 8],
    ['folds', 8],
    ['taught by folds', 8],
    ['copy-paste', 6],
    ['second round', 6],
  ]);
  const seed = join(out, 'labelled-2/seed-1');
  const teachers = JSON.parse(read(join(seed, 'labels/folds/manifest.json'))).models;
  expect(teachers).toEqual([join(seed, 'folds/fold-0'), join(seed, 'folds/fold-1')]);
  expect(results[1].difference.dsc.low).toBeLessThanOrEqual(results[1].difference.dsc.high);
  expect(runs[1].pseudoLabels).toMatchObject({ kept: 2, of: 2 });
  // Two steps are the teacher's; the second round has labels for the first of its own.
  const stepsOf = (run: { labellings: { step: number }[] }) => run.labellings.map(({ step }) => step);
  expect(runs.map(stepsOf)).toEqual([[], [], [], [], [2, 4], [4]]);
  expect(runs[5].pseudoLabels).toMatchObject({ kept: 2, of: 2 });
  expect(read(join(out, 'results.html'))).toContain('Six arms');
  expect(read(join(out, 'differences-2-labelled.svg'))).toContain('taught');
  // An arm that is done may lack its runs.
  for (const name of ['folds/fold-0', 'folds/fold-1', 'second-round/run'])
    rmSync(join(seed, name), { recursive: true });
  await cliJsonHere(['experiment', file, '--out', out, '--resume']);
  expect(resultsIn(out).runs).toEqual(runs);
  expect(existsSync(join(seed, 'folds/fold-0'))).toBe(false);
  const other = join(folder, 'other.json');
  writeFileSync(other, JSON.stringify({ ...design, seeds: [2] }));
  const refused = await cliHere(['experiment', other, '--out', out, '--resume']);
  expect(refused.stderr).toContain('was made from another design');
});

test('the same cases from a data set give the same scores', async () => {
  const [data, again] = [join(out, 'labelled-2/data'), join(folder, 'again')];
  const own = join(folder, 'own.json');
  const arms = design.arms.slice(0, 2);
  writeFileSync(own, JSON.stringify({ ...design, phantom: undefined, arms }));
  await cliJsonHere(['experiment', own, '--data', data, '--out', again]);
  const [before, after] = [resultsIn(out), resultsIn(again)];
  const scores = ({ runs }: { runs: { cases: object[] }[] }) => runs.map(({ cases }) => cases);
  expect(scores(after)).toEqual(scores(before).slice(0, 2));
  expect(read(join(again, 'results.html'))).toContain('2 labelled, 2 unlabelled, 2 test cases');
  expect(read(join(again, 'results.html'))).not.toContain('phantoms');
});

test.each([
  ['phantoms and a data set', {}, ['--data', 'x'], 'describes phantoms; --data is for designs without'],
  ['neither', { phantom: undefined }, [], 'describes no phantoms; --data names a data set'],
])('%s are refused', async (_, changes, options, message) => {
  const [path, nowhere] = [join(folder, 'refused.json'), join(folder, 'nowhere')];
  writeFileSync(path, JSON.stringify({ ...design, ...changes }));
  const { code, stderr } = await cliHere(['experiment', path, '--out', nowhere, ...options]);
  expect([code, stderr.includes(message), existsSync(nowhere)]).toEqual([1, true, false]);
});
