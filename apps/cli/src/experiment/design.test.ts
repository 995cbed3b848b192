/** Designs: those of the repository, and those that are refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { armConfig, type Design, readDesign, teacherConfig } from './design.ts';

const EXPERIMENTS = join(import.meta.dirname, '../../../../experiments');

/** Optimiser steps to each arm's weights, by its name. */
function steps(design: Design): Record<string, number> {
  const teacher = teacherConfig(design, 1, '');
  return Object.fromEntries(
    design.arms.map((arm) => {
      const { initial, fineTuning, stepsPerEpoch } = armConfig(design, arm, 1, '');
      const own = stepsPerEpoch! * (arm.start === 'teacher' ? fineTuning : initial).epochs;
      return [
        arm.name,
        own + (arm.start === 'teacher' ? teacher.stepsPerEpoch! * teacher.initial.epochs : 0),
      ];
    }),
  );
}

it.each(['small', 'small-8', 'gpu', 'real-ct', 'precision'])(
  '%s is a design whose arms take one number of steps, but for the paper’s',
  async (name) => {
    const all = steps(await readDesign(join(EXPERIMENTS, `${name}.json`)));
    const alike = Object.entries(all).filter(([arm]) => !arm.includes('schedule'));
    expect(new Set(alike.map(([, count]) => count)).size, JSON.stringify(all)).toBe(1);
  },
);

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

  it('may be like another but for its own keys', async () => {
    const [small, eight] = [
      await readDesign(join(EXPERIMENTS, 'small.json')),
      await readDesign(join(EXPERIMENTS, 'small-8.json')),
    ];
    const { title, about } = eight;
    expect(eight).toEqual({ ...small, title, about, phantom: { ...small.phantom, labelled: [8] } });
  });

  it('may be like another on a data set', async () => {
    const path = join(folder, 'longer.json');
    writeFileSync(path, JSON.stringify({ like: join(EXPERIMENTS, 'real-ct.json'), seeds: [7] }));
    const base = await readDesign(join(EXPERIMENTS, 'real-ct.json'));
    expect(await readDesign(path)).toEqual({ ...base, seeds: [7] });
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
