/** Designs: those of the repository, and those that are refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Arm, armConfig, type Design, readDesign, teacherConfig } from './design.ts';

const EXPERIMENTS = join(import.meta.dirname, '../../../../experiments');

/** Optimiser steps to each arm's weights, by its name. */
function steps(design: Design): Record<string, number> {
  const { initial, stepsPerEpoch } = teacherConfig(design, 1, '');
  const stepsOf = (arm: Arm) => {
    const own = armConfig(design, arm, 1, '');
    if (arm.start === 'teacher')
      return stepsPerEpoch! * initial.epochs + own.stepsPerEpoch! * own.fineTuning.epochs;
    return own.stepsPerEpoch! * own.initial.epochs; // a branch's include those before it
  };
  return Object.fromEntries(design.arms.map((arm) => [arm.name, stepsOf(arm)]));
}

it.each([
  ['small', ['Gao 2022', 'Gao 2022, the paper’s schedule']],
  ['gpu', ['Gao 2022']],
  ['gpu-large', ['Gao 2022, the paper’s schedule', 'small noisy student, the paper’s schedule']],
  ['real-ct', []],
  ['precision', []],
])('%s is a design whose arms take one number of steps, but for %j', async (name, others) => {
  const design = await readDesign(join(EXPERIMENTS, `${name}.json`));
  const all = steps(design);
  const usual = all[design.baseline];
  const unusual = Object.keys(all).filter((arm) => all[arm] !== usual);
  expect(
    unusual.map((arm) => arm.replace("'", '’')),
    JSON.stringify(all),
  ).toEqual(others);
});

describe('a design', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const arm = { name: 'labelled only', start: 'teacher', unlabelled: 'none' };
  const scratch = { ...arm, name: 'ensemble', start: 'scratch' };
  const folds = (n: number) => ({ folds: n, studentStart: 'scratch' });
  const design = (changes: object) => ({
    title: 't',
    about: 'a',
    phantom: { seed: 1, spacingMm: 8, labelledAtOneCentre: true, labelled: [2], unlabelled: 2, test: 1 },
    preset: 'small',
    seeds: [1],
    baseline: 'labelled only',
    arms: [arm],
    ...changes,
  });

  it('may be like another but for its own keys, those of its phantoms one by one', async () => {
    const path = join(folder, 'eight.json');
    writeFileSync(
      path,
      JSON.stringify({ like: join(EXPERIMENTS, 'small.json'), seeds: [7], phantom: { labelled: [8] } }),
    );
    const small = await readDesign(join(EXPERIMENTS, 'small.json'));
    const phantom = { ...small.phantom, labelled: [8] };
    expect(await readDesign(path)).toEqual({ ...small, seeds: [7], phantom });
  });

  it('may be like another on a data set', async () => {
    const path = join(folder, 'longer.json');
    writeFileSync(path, JSON.stringify({ like: join(EXPERIMENTS, 'real-ct.json'), seeds: [7] }));
    const base = await readDesign(join(EXPERIMENTS, 'real-ct.json'));
    expect(await readDesign(path)).toEqual({ ...base, seeds: [7] });
  });

  const copyPaste = {
    partner: 'unlabelled',
    boxShare: 0.5,
    pseudoWeight: 1,
    labelledShare: 0,
    pseudoLabels: { refresh: null, leastProbability: 0 },
  };
  const branch = { ...arm, name: 'branch', start: 'branch' };
  it('has arms that branch from the teacher with a student’s settings', async () => {
    const path = join(folder, 'branches.json');
    const own = { ...branch, unlabelled: 'own', set: { copyPaste } };
    const plain = { ...branch, name: 'plain', set: { weightAverage: null } };
    writeFileSync(path, JSON.stringify(design({ arms: [arm, own, plain] })));
    const { arms } = await readDesign(path);
    expect(arms.map(({ start }) => start)).toEqual(['teacher', 'branch', 'branch']);
  });

  it.each([
    [{ like: 'none.json' }, 'none.json: no such file'],
    [{ like: 'design.json' }, 'design.json: unknown key like'],
    [{ baseline: 'nobody' }, 'there is no arm nobody'],
    [{ arms: [arm, { ...arm, name: 'Labelled-only' }] }, 'two arms are called Labelled-only'],
    [
      {
        arms: [
          { ...arm, labelledBy: ['later'] },
          { ...arm, name: 'later' },
        ],
      },
      'labelled only needs an earlier arm later',
    ],
    [{ arms: [{ ...arm, set: { 'initial.epoch': 3 } }] }, 'labelled only: set: unknown key epoch'],
    [{ set: { lr: 1 } }, 'set: unknown key lr'],
    [{ arm: [] }, 'unknown key arm'],
    [{ set: folds(2) }, 'folds expects to be set by an arm'],
    [{ arms: [arm, { ...arm, name: 'ensemble', set: folds(2) }] }, 'ensemble: folds expects start scratch'],
    [{ arms: [arm, { ...scratch, set: folds(3) }] }, 'ensemble: 3 folds of 2 labelled cases'],
    [
      { arms: [{ ...arm, start: 'same', set: { batch: 2 } }] },
      'labelled only: start same expects unlabelled none, no like and no set',
    ],
    [{ set: { branchAt: null }, arms: [arm, branch] }, 'branch: start branch expects branchAt'],
    [
      { arms: [arm, { ...branch, set: { 'initial.epochs': 10 } }] },
      'branch: start branch expects the teacher’s branchesBehindEpoch 168, not 6',
    ],
    [
      { set: { weightAverage: null }, arms: [arm, { ...branch, set: { weightAverage: 0.9 } }] },
      'branch: start branch expects the teacher’s weightAverage null, not 0.9',
    ],
    [{ arms: [{ ...arm, unlabelled: 'own' }] }, 'labelled only: unlabelled own expects copyPaste'],
    [
      { arms: [{ ...arm, set: { copyPaste } }] },
      'labelled only: unlabelled none expects neither consistency nor copyPaste',
    ],
    [
      {
        arms: [
          arm,
          { ...scratch, set: { teacherMirror: ['x'] } },
          { ...arm, name: 'student', labelledBy: ['labelled only', 'ensemble'] },
        ],
      },
      'student: labelledBy expects arms with one teacherMirror',
    ],
  ])('%j is refused by name', async (changes, message) => {
    const path = join(folder, 'design.json');
    writeFileSync(path, JSON.stringify(design(changes)));
    await expect(readDesign(path)).rejects.toThrow(message);
  });
});
