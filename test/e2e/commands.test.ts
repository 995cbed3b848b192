/** The whole job by commands, on phantoms so coarse that it takes seconds. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cli, cliHere, cliJsonHere, lastLine, temporaryFolder } from '../cli.ts';

/** A network and schedule that finish in seconds. */
const TINY = {
  ...TINY_NETWORK,
  initial: { epochs: 3, learningRate: 0.01, augment: true },
  fineTuning: { epochs: 1, learningRate: 0.001, augment: false },
  selection: [{ strategy: 'keep-all' }],
};

describe('on one data set', () => {
  let folder: string;
  let data: string;
  let config: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    data = join(folder, 'data');
    config = join(folder, 'tiny.json');
    writeFileSync(config, JSON.stringify(TINY));
    const counts = ['--labelled', '2', '--unlabelled', '2', '--test', '2'];
    await cliJsonHere(['phantom', '--out', data, ...counts, '--seed', '3', '--spacing', '10']);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('phantom writes nnU-Net’s layout', () => {
    expect(readdirSync(data).sort()).toEqual([
      'dataset.json',
      'imagesTr',
      'imagesTs',
      'imagesUn',
      'labelsTr',
      'labelsTs',
      'labelsUn',
    ]);
    expect(readdirSync(join(data, 'imagesTr'))).toEqual([
      'labelled_000_0000.nii.gz',
      'labelled_001_0000.nii.gz',
    ]);
    expect(readdirSync(join(data, 'labelsTs'))).toEqual(['test_000.nii.gz', 'test_001.nii.gz']);
  });

  test('train, Ctrl-C, resume; predict; evaluate; pseudo-label; fine-tune', async () => {
    const [run, tuned, pseudo, out] = ['run', 'tuned', 'pseudo', 'out'].map((name) => join(folder, name));
    const training = ['train', '--data', data, '--out', run, '--preset', 'small', '--config', config];
    let isStopped = false;
    const stopped = await cli(
      [...training, '--set', 'initial.epochs=60', 'validateEverySteps=10'],
      (stderr, child) => {
        if (isStopped || !stderr.includes('epoch 10: validation DSC')) return;
        isStopped = child.kill('SIGINT');
      },
    );
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/validating: 1\/1 cases in .*\nepoch 10: validation DSC/);
    expect(stopped.stderr).toContain('stopping after the step at work');
    expect(stopped.stdout).toContain('stopped; --resume continues');
    expect(readdirSync(run).filter((file) => file.endsWith('.part'))).toEqual([]);
    const mixed = await cliHere([...training, '--resume']);
    expect(mixed.code).toBe(2);
    expect(lastLine(mixed)).toMatch(/'--resume' cannot be used with option '--/);
    const trained = await cliJsonHere(['train', '--out', run, '--resume']);
    expect(trained).toMatchObject({ run, finished: true, epoch: 60 });
    for (const file of ['training.jsonl', 'progress.svg', 'checkpoint-best.safetensors']) {
      expect(existsSync(join(run, file)), file).toBe(true);
    }

    const predicted = await cliJsonHere<{ cases: { case: string }[] }>([
      'predict',
      '--model',
      run,
      '--input',
      join(data, 'imagesTs'),
      '--out',
      out,
    ]);
    expect(predicted.cases.map((report) => report.case)).toEqual(['test_000', 'test_001']);
    expect(readdirSync(out).sort()).toEqual(['report.json', 'test_000.nii.gz', 'test_001.nii.gz']);

    const evaluation = await cliJsonHere<{
      rules: string;
      cases: { organs: object }[];
      mean: { dsc: number };
    }>(['evaluate', '--prediction', out, '--reference', join(data, 'labelsTs')]);
    expect(evaluation.rules).toBe('flare22');
    expect(evaluation.cases).toHaveLength(2);
    expect(Object.keys(evaluation.cases[0].organs)).toHaveLength(13);
    expect(evaluation.mean.dsc).toBeGreaterThanOrEqual(0);

    const images = join(data, 'imagesUn');
    const strict = await cliJsonHere<{ cases: { kept: boolean }[] }>([
      'pseudo-label',
      '--model',
      run,
      '--images',
      images,
      '--out',
      pseudo,
      '--selection',
      '[{"strategy":"min-voxels","voxels":100000}]',
    ]);
    expect(strict.cases.map(({ kept }) => kept)).toEqual([false, false]);
    const all = await cliJsonHere<{ cases: { kept: boolean }[] }>([
      'pseudo-label',
      '--model',
      run,
      '--images',
      images,
      '--out',
      pseudo,
      '--selection',
      '[{"strategy":"keep-all"}]',
    ]);
    expect(all.cases.map(({ kept }) => kept)).toEqual([true, true]);

    const fineTuning = ['train', '--data', data, '--out', tuned, '--init', run, '--pseudo', pseudo];
    expect(await cliJsonHere(fineTuning)).toMatchObject({ finished: true });
    const { stage, trainingCases } = JSON.parse(readFileSync(join(tuned, 'config.json'), 'utf8'));
    expect(stage).toBe('fineTuning');
    expect(trainingCases).toHaveLength(3);
  });

  test('train --memory-cap refuses what does not fit before it makes the run', async () => {
    const run = join(folder, 'refused');
    const command = ['train', '--data', data, '--out', run, '--preset', 'small', '--memory-cap', '20'];
    const refused = await cliHere(command);
    expect(refused.code).toBe(1);
    expect(lastLine(refused)).toMatch(/does not fit: .*the cap is 20971520; patch=\[\d+,\d+,\d+\] would/);
    expect(existsSync(run)).toBe(false);
  });

  test('augment draws each augmentation alone, and all together', async () => {
    const out = join(folder, 'sheets');
    const command = [
      'augment',
      '--data',
      data,
      '--case',
      'labelled_001',
      '--out',
      out,
      '--preset',
      'noisy-student',
    ];
    const { files } = await cliJsonHere<{ files: string[] }>([...command, '--config', config]);
    expect(files.map((file) => file.slice(out.length + 1))).toEqual([
      '01-rotation.png',
      '01-scaling.png',
      '01-elastic.png',
      '02-noise.png',
      '03-smooth.png',
      '04-scale.png',
      '05-shift.png',
      '06-contrast.png',
      '07-lowResolution.png',
      '08-gamma-inverted.png',
      '09-gamma.png',
      '10-mirror.png',
      'all.png',
    ]);
    for (const file of files) expect(readFileSync(file).subarray(1, 4).toString(), file).toBe('PNG');
    const missing = await cliHere([...command, '--case', 'nobody']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('imagesTr holds no case nobody');
  });

  test('pipeline goes from data to report, and does nothing twice', async () => {
    const out = join(folder, 'pipeline');
    const command = ['pipeline', '--data', data, '--out', out, '--preset', 'small', '--config', config];
    const first = await cliJsonHere<{ report: string; labelledOnly: object; students: object[] }>(command);
    expect(first.report).toBe(join(out, 'report.html'));
    const html = readFileSync(first.report, 'utf8');
    for (const text of [
      'labelled only',
      'with pseudo-labels',
      'with copy-paste',
      'true DSC',
      'test_000',
      'unlabelled_001',
      'data:image/png',
    ]) {
      expect(html, text).toContain(text);
    }
    const second = await cliHere([...command, '--json']);
    expect(JSON.parse(second.stdout)).toEqual(first);
    expect(second.stderr.match(/done before/g)).toHaveLength(9);
    const other = await cliHere([...command, '--set', 'seed=2']);
    expect(other.code).toBe(1);
    expect(lastLine(other)).toBe(
      `organseg: ${out}: was made with config.seed 1, not 2; choose another folder for --out`,
    );
  });

  test('pipeline averages folds as the teacher of a smaller student', async () => {
    const out = join(folder, 'student');
    const student = { filters: [4, 4], spacingMm: [14, 14, 14], patch: [8, 16, 16], 'initial.epochs': 1 };
    const settings = ['folds=2', 'stepsPerEpoch=2', 'initial.epochs=1', 'batch=2'];
    const selection = [{ strategy: 'top-fraction', share: 0.5, by: 'instability' }];
    const { manifest, outOfFold } = await cliJsonHere<{
      manifest: { models: string[]; cases: { kept: boolean; confidence: number; instability: number }[] };
      outOfFold: { cases: object[] };
    }>([
      ...['pipeline', '--data', data, '--out', out, '--preset', 'noisy-student', '--config', config, '--set'],
      ...[...settings, `student=${JSON.stringify(student)}`, `selection=${JSON.stringify(selection)}`],
    ]);
    expect(manifest.models).toHaveLength(2);
    expect(manifest.cases.filter(({ kept }) => kept)).toHaveLength(1);
    for (const { confidence, instability } of manifest.cases) {
      expect(confidence).toBeGreaterThan(0);
      expect(instability).toBeGreaterThan(0);
    }
    expect(outOfFold.cases).toHaveLength(2);
    const { config: own } = JSON.parse(readFileSync(join(out, 'with-noisy-student', 'config.json'), 'utf8'));
    expect(own).toMatchObject({ filters: [4, 4], spacingMm: [14, 14, 14], patch: [8, 16, 16] });
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Cross-validation');
  });

  test('pipeline refuses splits that do not fit the data before there is a folder', async () => {
    const [out, splits] = [join(folder, 'unsplit'), join(data, 'splits_final.json')];
    const [one, other] = ['labelled_000', 'somebody'];
    writeFileSync(splits, JSON.stringify([{ train: [one], val: [other] }]));
    const asked = ['pipeline', '--data', data, '--out', out, '--preset', 'noisy-student', '--config', config];
    const refused = await cliHere([...asked, '--set', 'folds=1']);
    rmSync(splits);
    expect(refused.code).toBe(1);
    expect(lastLine(refused)).toBe(`organseg: ${splits}: somebody of fold 0 is not in ${data}/imagesTr`);
    expect(existsSync(out)).toBe(false);
  });

  test('a broken scan is named, the others are segmented, the exit code is 1', async () => {
    const run = join(folder, 'pipeline', 'labelled-only');
    const scans = join(folder, 'scans');
    await cliHere([
      'phantom',
      '--out',
      scans,
      '--labelled',
      '0',
      '--unlabelled',
      '0',
      '--test',
      '1',
      '--spacing',
      '10',
    ]);
    writeFileSync(join(scans, 'imagesTs', 'broken_0000.nii.gz'), 'no scan');
    const out = join(folder, 'partly');
    const finished = await cliHere([
      'predict',
      '--model',
      run,
      '--input',
      join(scans, 'imagesTs'),
      '--out',
      out,
    ]);
    expect(finished.code).toBe(1);
    expect(finished.stderr).toMatch(/broken_0000\.nii\.gz: /);
    expect(readdirSync(out).sort()).toEqual(['report.json', 'test_000.nii.gz']);

    const pseudo = ['--images', join(scans, 'imagesTs'), '--out', join(folder, 'partly-labelled')];
    const { cases } = await cliJsonHere<{ cases: { case: string; kept: boolean; reason: string }[] }>([
      'pseudo-label',
      '--model',
      run,
      ...pseudo,
    ]);
    expect(cases.map(({ case: name, kept }) => [name, kept])).toEqual([
      ['broken', false],
      ['test_000', true],
    ]);
    expect(cases[0].reason).toMatch(/broken_0000\.nii\.gz: the name says gzip, the content is not/);
  });
});

describe('usage', () => {
  test.each([
    [['train', '--out', 'x', '--bogus'], 2, /unknown option '--bogus'/],
    [['constructor'], 2, /unknown command 'constructor'/],
    [['train'], 2, /required option '--out <run>'/],
    [['train', '--out', 'x'], 2, /--data <dir> is needed to start a run/],
    [['predict', '--model', 'x', '--input', 'x', '--out', 'x', '--step', '2'], 2, /at most 1/],
    [
      ['train', '--out', 'x', '--data', 'nowhere', '--preset', 'small'],
      1,
      /nowhere\/dataset\.json: no such file/,
    ],
    [['train', '--out', 'x', '--data', 'nowhere', '--set', 'lr=1'], 1, /--set lr: unknown key lr/],
    [['train', '--out', 'x', '--preset', 'large'], 2, /Allowed choices are gao2022, small/],
    [['predict', '--model', 'x', '--input', 'x', '--out', ''], 2, /option '--out <dir>' is empty/],
    [['info', ''], 2, /the first argument is empty/],
    [['predict', '--model', 'nowhere', '--input', '.', '--out', 'x'], 1, /nowhere: no such folder or zip/],
    [['info', 'nowhere.nii'], 1, /nowhere\.nii: no such file or directory/],
    [['evaluate', '--prediction', 'a', '--reference', 'b'], 1, /no such file|expected/],
  ] as [string[], number, RegExp][])('%j exits with %i and one line', async (args, code, message) => {
    const finished = await cliHere(args);
    expect(finished.code).toBe(code);
    expect(finished.stderr).toMatch(message);
    expect(finished.stderr).toMatch(/^.+\n$/);
    expect(finished.stdout).toBe('');
  });

  test.each([
    [2, ['train', '--out', 'x', '--bogus']],
    [1, ['info', 'nowhere.nii']],
  ])('a process ends with %i and the line of %j', async (code, args) => {
    const finished = await cli(args);
    expect(finished).toEqual(await cliHere(args));
    expect(finished.code).toBe(code);
  });

  test('--debug prints the stack', async () => {
    const { stderr } = await cliHere(['info', 'nowhere.nii', '--debug']);
    expect(stderr).toContain('    at ');
  });

  test('every command explains itself', async () => {
    const { stdout, code } = await cliHere(['--help']);
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
    expect(names).toContain('pipeline');
    for (const name of names.filter((n) => n !== 'help' && !n.startsWith('-'))) {
      const help = await cliHere([name, '--help']);
      expect(help.code, name).toBe(0);
      expect(help.stdout, name).toContain('--json');
    }
  });

  test('model lists the paper’s parameters', async () => {
    const { total, parameters } = await cliJsonHere<{
      total: number;
      parameters: Record<string, number[]>;
    }>(['model']);
    expect(total).toBe(31_419_406);
    expect(parameters['bottleneck.conv1.conv.weight']).toEqual([320, 320, 3, 3, 3]);
  });

  test('model --memory tells less for a smaller batch and for f16', async () => {
    interface Memory {
      batch: number;
      training: { peakBytes: number };
      inference: { peakBytes: number };
    }
    const told = (...options: string[]) =>
      cliJsonHere<Memory>(['model', '--preset', 'small', '--patch', '16,32,32', ...options]);
    const [two, one, half] = [
      await told('--batch', '2'),
      await told('--batch', '1'),
      await told('--batch', '1', '--dtype', 'f16'),
    ];
    expect(one.batch).toBe(1);
    expect(one.training.peakBytes).toBeLessThan(two.training.peakBytes);
    expect(half.training.peakBytes).toBeLessThan(one.training.peakBytes);
    expect(half.inference.peakBytes).toBeLessThan(one.inference.peakBytes);
  });
});

test('phantoms of one seed are the same bytes, alone or by threads', async () => {
  const folder = temporaryFolder();
  for (const name of ['a', 'b']) {
    const counts = ['--labelled', name === 'a' ? '1' : '8', '--unlabelled', '0', '--test', '0'];
    await cliJsonHere(['phantom', '--out', join(folder, name), ...counts, '--seed', '9', '--spacing', '10']);
  }
  const file = 'imagesTr/labelled_000_0000.nii.gz';
  expect(readFileSync(join(folder, 'a', file)).equals(readFileSync(join(folder, 'b', file)))).toBe(true);
  const own = join(folder, 'a', 'imagesTr', 'labelled_001_0000.nii.gz');
  writeFileSync(own, 'mine');
  const more = ['--labelled', '2', '--unlabelled', '0', '--test', '0', '--seed', '9', '--spacing', '10'];
  expect(lastLine(await cliHere(['phantom', '--out', join(folder, 'a'), ...more]))).toContain(
    'is there already',
  );
  expect(readFileSync(own, 'utf8')).toBe('mine');
});
