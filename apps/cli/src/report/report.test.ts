/** The report as a reader finds it, hostile names included. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import { organsOf } from '@organseg/core/organs.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import type { TrainingRecord } from '@organseg/train/run/trainingRecords.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evaluation } from '../evaluate/evaluateCases.ts';
import type { ReportCase, ReportInput, ReportRun } from './input.ts';
import { reportHtml } from './report.ts';

/** A pseudo-labelled case but for its name, verdict and voxels. */
const unknown = { labelled: true, confidence: null, entropy: null, instability: null };

const LABELS = ['background', 'liver', 'spleen'];

const HOSTILE = '"><script src=//evil.example/x.js></script><img onerror=alert(1)>&amp;';

let folder: string;
let files: Omit<ReportCase, 'case'>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'organseg-report-'));
  files = {
    image: join(folder, 'image.nii.gz'),
    reference: join(folder, 'reference.nii.gz'),
    prediction: join(folder, 'prediction.nii.gz'),
  };
  const grid = { shape: [8, 8, 8] as const, affine: scaleAndShift([4, 4, 4], [0, 0, 0]) };
  await writeNiftiFile(files.image, { ...grid, data: new Int16Array(512) });
  await writeNiftiFile(files.reference, { ...grid, data: new Uint8Array(512).fill(1, 100, 200) });
  await writeNiftiFile(files.prediction, { ...grid, data: new Uint8Array(512).fill(1, 150, 250) });
});
afterAll(() => rm(folder, { recursive: true }));

/** Every organ of a case scores the same; NSD is half the DSC. */
function evaluation(scores: Record<string, number>, missing: string[] = [], labels = LABELS): Evaluation {
  const cases = Object.entries(scores).map(([name, dsc]): { case: string } & CaseScore => {
    const score = { dsc, nsd: dsc / 2 };
    return {
      case: name,
      organs: Object.fromEntries(organsOf(labels).map(({ name }) => [name, score])),
      mean: score,
    };
  });
  const dsc = cases.reduce((sum, { mean }) => sum + mean.dsc, 0) / cases.length;
  return { rules: 'flare22', cases, mean: { dsc, nsd: dsc / 2 }, missing };
}

const RECORDS: TrainingRecord[] = [
  { event: 'epoch', epoch: 1, step: 4, loss: 3, dice: 1, crossEntropy: 2, learningRate: 1e-4, seconds: 1 },
];

function input(before: Evaluation, after: Evaluation, change: Partial<ReportInput> = {}): ReportInput {
  const run = (name: string, evaluated: Evaluation): ReportRun => ({
    name,
    records: RECORDS,
    evaluation: evaluated,
    cases: evaluated.cases.map((scored) => ({ case: scored.case, ...files })),
  });
  return {
    folder: '/out',
    title: 'organseg on demo',
    preset: 'small',
    config: { ...PRESETS.small, initial: { epochs: 60, learningRate: 0.003, augment: true } },
    adapter: 'a GPU',
    tasks: [
      { name: 'train', seconds: 100 },
      { name: 'predict', seconds: 55 },
    ],
    labelNames: LABELS,
    runs: [run('labelled only', before), run('with pseudo-labels', after)],
    manifest: {
      models: ['/out/labelled-only'],
      compared: [],
      selection: [{ strategy: 'min-voxels', voxels: 10 }],
      cases: [
        {
          ...unknown,
          case: 'un_0',
          kept: true,
          reason: 'min-voxels: every organ has at least 10 voxels',
          voxels: { liver: 90, spleen: 10 },
          confidence: 0.9,
        },
        {
          ...unknown,
          case: 'un_1',
          kept: false,
          reason: 'min-voxels: fewer than 10 voxels: spleen 9',
          voxels: { liver: 80, spleen: 9 },
          confidence: 0.8,
        },
      ],
    },
    outOfFold: null,
    truth: new Map([
      ['un_0', 0.7],
      ['un_1', 0.4],
    ]),
    ...change,
  };
}

/** What a reader sees, spaces drawn together. */
const text = (page: string): string =>
  page
    .slice(page.indexOf('<body>'))
    .replaceAll(/<svg.*?<\/svg>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');

describe('the summary', () => {
  const lead = async (before: Evaluation, after: Evaluation) =>
    text(
      /<p class="lead">.*?<\/p>/s.exec(await reportHtml(input(before, after)))![0].replace('<p', '<body><p'),
    ).trim();

  it('says that the score rose, and in how many cases', async () => {
    const [before, after] = [evaluation({ a: 0.6, b: 0.5, c: 0.4 }), evaluation({ a: 0.8, b: 0.7, c: 0.3 })];
    expect(await lead(before, after)).toBe(
      'With pseudo-labels the mean DSC rose from 0.500 to 0.600 on 3 test cases; the mean NSD rose from 0.250 to 0.300. ' +
        'The DSC rose in 2 cases and fell in 1. For training, 1 of 2 unlabelled cases was kept.',
    );
  });

  it('says that it fell', async () => {
    expect(await lead(evaluation({ a: 0.6 }), evaluation({ a: 0.5 }))).toMatch(
      /^With pseudo-labels the mean DSC fell from 0\.600 to 0\.500 on 1 test case; the mean NSD fell/,
    );
  });

  it('calls a difference that does not show none', async () => {
    expect(await lead(evaluation({ a: 0.60001 }), evaluation({ a: 0.60004 }))).toMatch(
      /the mean DSC stayed at 0\.600 on 1 test case; the mean NSD stayed at 0\.300\./,
    );
  });
});

describe('the page', () => {
  it('holds the tables of organs, cases, pseudo-labels, settings and times', async () => {
    const page = text(
      await reportHtml(input(evaluation({ a: 0.6, b: 0.5 }), evaluation({ a: 0.5, b: 0.7 }))),
    );
    expect(page).toContain('spleen 0.550 0.600 +0.050 0.275 0.300 +0.025');
    expect(page).toContain('Means over 2 organs.');
    expect(page).toContain('a tolerance of each other: 3 to 5 mm, depending on the organ.');
    expect(page).toContain(' a 0.600 0.500 −0.100 0.300 0.250 −0.050');
    expect(page).toContain('mean 0.550 0.600 +0.050');
    expect(page).toContain('1 of 2 cases kept by min-voxels (voxels 10).');
    expect(page).toContain('un_0 kept min-voxels: every organ has at least 10 voxels 0.900 0.700 90 10');
    expect(page).toContain('un_1 left out min-voxels: fewer than 10 voxels: spleen 9 0.800 0.400 80 9');
    expect(page).toContain('mean DSC is 0.550, 0.700 of those kept and 0.400 of those left out');
    expect(page).toContain('rank correlation +1.000');
    expect(page).toContain('60 epochs, learning rate 0.003, with augmentation');
    expect(page).toContain('total 2 min 35 s');
  });

  it('pictures the best and the worst case of the second model', async () => {
    const scores = evaluation({ low: 0.2, high: 0.9, middle: 0.5 });
    const page = await reportHtml(input(evaluation({ low: 0.9, high: 0.2, middle: 0.5 }), scores));
    expect(text(page)).toContain('high the highest DSC: 0.900, NSD 0.450');
    expect(text(page)).toContain('low the lowest DSC: 0.200, NSD 0.100');
    expect(page.match(/src="data:image\/png;base64,iVBORw0KGgo/g)).toHaveLength(18);
  });

  it('pictures the only case once, and passes over one that has no prediction', async () => {
    const after = evaluation({ a: 0.5, gone: 0 }, ['gone']);
    const page = await reportHtml(input(evaluation({ a: 0.5, gone: 0.5 }), after));
    expect(page.match(/data:image\/png/g)).toHaveLength(9);
    expect(text(page)).toContain('gone (a prediction is missing: scored 0) 0.500 0.000 −0.500');
  });

  it('says so where there was nothing to compare, to draw or to label', async () => {
    const empty = input(evaluation({}), evaluation({}), {
      manifest: { models: [], compared: [], selection: [], cases: [] },
    });
    const runs = empty.runs.map((run) => ({ ...run, records: [] })) as unknown as ReportInput['runs'];
    const page = text(await reportHtml({ ...empty, runs }));
    expect(page).toContain('There were no test cases to compare the two models on.');
    expect(page).not.toContain('Means over');
    expect(page).toContain('No training log.');
    expect(page).not.toMatch(/NaN|undefined/);
  });

  it('draws both runs’ curves, with ids of their own', async () => {
    const page = await reportHtml(input(evaluation({ a: 0.5 }), evaluation({ a: 0.5 })));
    expect(page.match(/<svg /g)).toHaveLength(4); // two of them of the pseudo-labels
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('escapes whatever comes from outside, and needs nothing from elsewhere', async () => {
    const [names, labels] = [{ [HOSTILE]: 0.5 }, ['background', HOSTILE]];
    const page = await reportHtml(
      input(evaluation(names, [], labels), evaluation(names, [HOSTILE], labels), {
        title: HOSTILE,
        folder: HOSTILE,
        preset: HOSTILE,
        adapter: HOSTILE,
        tasks: [{ name: HOSTILE, seconds: 1 }],
        labelNames: labels,
        manifest: {
          models: [HOSTILE],
          compared: [HOSTILE],
          selection: [],
          cases: [0, 1].map((i) => ({
            ...unknown,
            case: `${HOSTILE}${i}`,
            kept: false,
            reason: HOSTILE,
            voxels: { [HOSTILE]: i },
          })),
        },
        truth: new Map([0, 1].map((i) => [`${HOSTILE}${i}`, 0.5])),
      }),
    );
    expect(page).not.toMatch(/<script|<img onerror|<link|<iframe|@import|url\((?!#)/i);
    expect(page).toContain('&lt;script src=//evil.example/x.js&gt;');
    const sources = [...page.matchAll(/ (?:src|href|xlink:href)="([^"]*)"/g)].map(([, source]) => source);
    for (const source of sources) expect(source).toMatch(/^(data:image\/png;base64,|#)/);
    expect(page).toContain(`content="default-src &#39;none&#39;; img-src data:;`);
  });
});
