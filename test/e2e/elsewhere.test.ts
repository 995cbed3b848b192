/** What a model that was trained elsewhere is used for besides predicting: here, a run that was exported for nnU-Net. */
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLabelsFile } from '../../packages/files/src/nifti.ts';
import { zipOf } from '../../packages/files/src/torch/torchFixture.ts';
import { relativeError } from '../../packages/kernels/src/reference/array.ts';
import { parameterLayout } from '../../packages/train/src/config/network.ts';
import { loadParameters } from '../../packages/train/src/run/checkpoint.ts';
import { bestCheckpoint } from '../../packages/train/src/run/runFolder.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliHere, cliJsonHere, lastLine } from '../cli.ts';

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

describe('a model of nnU-Net', () => {
  let folder: string;
  let data: string;
  let model: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    [data, model] = [join(folder, 'data'), join(folder, 'results', 'model')];
    const [run, config] = [join(folder, 'run'), join(folder, 'tiny.json')];
    const epochs = { epochs: 1, learningRate: 0.01, augment: false };
    writeFileSync(config, JSON.stringify({ ...TINY_NETWORK, initial: epochs, fineTuning: epochs }));
    const counts = ['--labelled', '2', '--unlabelled', '1', '--test', '1'];
    await cliJsonHere(['phantom', '--out', data, ...counts, '--spacing', '10']);
    const settings = ['--preset', 'small', '--config', config, '--set', 'architecture=PlainConvUNet'];
    await cliJsonHere(['train', '--data', data, '--out', run, ...settings]);
    expect((await cliHere(['export', '--model', run, '--to', 'nnunet', model])).code).toBe(0);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('labels scans, all of which are kept', async () => {
    const images = ['--images', join(data, 'imagesUn'), '--out', join(folder, 'pseudo')];
    const folds = (list: string) => ['pseudo-label', '--model', model, '--folds', list, ...images];
    expect(lastLine(await cliHere(folds('1')))).toMatch(
      /has no fold_1\/checkpoint_final\.pth; its folds are 0$/,
    );
    const { cases, selection } = await cliJsonHere<{ cases: { kept: boolean }[]; selection: object }>(
      folds('0'),
    );
    expect(cases.map(({ kept }) => kept)).toEqual([true]);
    expect(selection).toEqual([{ strategy: 'keep-all' }]);

    const table = join(folder, 'map.json');
    writeFileSync(table, JSON.stringify({ liver: 'spleen' }));
    const mapped = ['pseudo-label', '--model', model, '--label-map', table];
    const out = join(folder, 'mapped');
    expect((await cliHere([...mapped, '--images', join(data, 'imagesUn'), '--out', out])).code).toBe(0);
    const [own, spleens] = await Promise.all(
      [join(folder, 'pseudo'), out].map((path) => readLabelsFile(join(path, 'unlabelled_000.nii.gz'))),
    );
    const [liver, spleen] = ['liver', 'spleen'].map(
      (name) => readJson(join(data, 'dataset.json')).labels[name],
    );
    expect(own!.data.includes(liver)).toBe(true);
    expect(spleens!.data).toEqual(own!.data.map((label) => (label === liver ? spleen : 0)));
    const loose = join(folder, 'loose');
    cpSync(join(data, 'imagesUn'), loose, { recursive: true });
    expect(lastLine(await cliHere([...mapped, '--images', loose, '--out', join(folder, 'unnamed')]))).toMatch(
      /dataset\.json: no such file or directory$/,
    );
  });

  test('predicts what the run predicts that it was exported from, but for where nnU-Net sees more of a scan', async () => {
    const predicted = async (from: string, out: string) => {
      const predict = ['predict', '--model', from, '--input', join(data, 'imagesTs')];
      expect((await cliHere([...predict, '--out', join(folder, out)])).code).toBe(0);
      return (await readLabelsFile(join(folder, out, 'test_000.nii.gz'))).data;
    };
    const [own, exported] = [
      await predicted(join(folder, 'run'), 'of-run'),
      await predicted(model, 'of-export'),
    ];
    const organs = own.filter((label) => label > 0).length;
    const same = own.filter((label, i) => label > 0 && label === exported[i]).length;
    expect(organs).toBeGreaterThan(100);
    expect(same).toBeGreaterThan(0.5 * organs);
  });

  test('what helps after the network is chosen by all labelled cases, and kept in its folder or beside its zip', async () => {
    const choose = ['postprocess', '--choose', '--model', model];
    expect(lastLine(await cliHere(choose))).toMatch(/model: is no run, .* --data names one$/);
    const choice = await cliJsonHere<{ cases: string[] }>([...choose, '--data', data]);
    expect(choice.cases).toEqual(['labelled_000', 'labelled_001']);
    expect(readJson(join(model, 'postprocessing.json'))).toEqual(choice);
    const predict = ['predict', '--model', model, '--input', join(data, 'imagesTs'), '--postprocess'];
    expect((await cliHere([...predict, '--out', join(folder, 'chosen')])).code).toBe(0);

    const zip = join(folder, 'model.zip');
    const names = ['plans.json', 'dataset.json', 'fold_0/checkpoint_final.pth'];
    writeFileSync(zip, await zipOf(new Map(names.map((name) => [name, readFileSync(join(model, name))]))));
    expect(await cliJsonHere([...choose.slice(0, -1), zip, '--data', data])).toEqual(choice);
    expect(readJson(join(folder, 'model.postprocessing.json'))).toEqual(choice);
  });

  test.each([
    ['predict', (path) => ['--model', path, '--input', join(data, 'imagesTs')]],
    ['pseudo-label', (path) => ['--model', path, '--images', join(data, 'imagesUn')]],
    ['train', (path) => ['--init', path, '--data', data, '--preset', 'small']],
    ['pipeline', (path) => ['--teacher', path, '--data', data, '--preset', 'small']],
  ] as [string, (path: string) => string[]][])('%s writes nothing into its folder', async (name, options) => {
    const inside = join(model, 'fold_0', 'made');
    expect(lastLine(await cliHere([name, ...options(model), '--out', inside]))).toMatch(
      /made: lies in .*model, which is read from; choose another folder for --out$/,
    );
    expect(readdirSync(join(model, 'fold_0'))).toEqual(['checkpoint_final.pth']);
  });

  test('a run is not exported into its own folder', async () => {
    const run = join(folder, 'run');
    const exported = ['export', '--model', run, '--to', 'safetensors', join(run, 'run.safetensors')];
    expect(lastLine(await cliHere(exported))).toMatch(
      /run\.safetensors: lies in .*run, which is read from; /,
    );
  });

  test('takes the teacher’s place in an experiment, is scored once for all seeds, and is gone on from', async () => {
    const [file, out] = [join(folder, 'design.json'), join(folder, 'experiment')];
    const epochs = { epochs: 1, learningRate: 0.01, augment: false };
    const arms = [
      { name: 'as it is', start: 'same', unlabelled: 'none' },
      { name: 'student', start: 'scratch', unlabelled: 'pseudo-labels', labelledBy: ['as it is'] },
      { name: 'tuned', start: 'teacher', unlabelled: 'pseudo-labels' },
    ];
    const design = {
      ...{ title: 't', about: 'a', preset: 'small', seeds: [1, 2], baseline: 'as it is', arms },
      set: {
        ...{ ...TINY_NETWORK, patch: [24, 16, 16], stepsPerEpoch: 1, initial: epochs, fineTuning: epochs },
        ...{ selection: [{ strategy: 'keep-all' }], pseudoShare: 0.5 },
      },
    };
    writeFileSync(file, JSON.stringify(design));
    const experiment = ['experiment', file, '--data', data, '--out', out];
    const inside = cliHere([...experiment.slice(0, -1), join(model, 'out'), '--teacher', model]);
    expect(lastLine(await inside)).toMatch(/model\/out: lies in .*model, which is read from; choose another/);
    const { results } = await cliJsonHere<{ results: { arm: string; steps: number }[] }>([
      ...experiment,
      ...['--teacher', model, '--folds', '0'],
    ]);
    expect(results.map(({ arm, steps }) => [arm, steps])).toEqual([
      ['as it is', 0],
      ['student', 1],
      ['tuned', 1],
    ]);
    const cohort = join(out, 'labelled-2');
    expect(readdirSync(cohort)).toEqual(['seed-1', 'seed-2', 'teacher']);
    const of = (...path: string[]) => readJson(join(cohort, 'seed-2', ...path));
    expect(of('student', 'pseudo', 'manifest.json').labels).toBe(join(cohort, 'teacher', 'labels'));
    const { init, config } = of('tuned', 'run', 'config.json');
    expect([init, config.patch, config.architecture]).toEqual([model, [16, 16, 16], 'PlainConvUNet']);
    expect(of('student', 'run', 'config.json').config.patch).toEqual([24, 16, 16]);
    expect(lastLine(await cliHere([...experiment, '--resume']))).toMatch(
      /was made from another design, with teacher /,
    );
    writeFileSync(
      file,
      JSON.stringify({ ...design, arms: [...arms, { ...arms[2], name: 'b', start: 'branch' }] }),
    );
    expect(lastLine(await cliHere([...experiment, '--resume', '--teacher', model]))).toMatch(
      /b: start branch expects a teacher that is trained here; --teacher is /,
    );
  });

  test('is gone on from by a run of its own settings, as long as it stays what it was', async () => {
    const tuned = join(folder, 'tuned');
    const settings = ['--preset', 'small', '--set', 'fineTuning.epochs=1', 'fineTuning.learningRate=1e-12'];
    const train = (init: string, out: string) =>
      cliHere(['train', '--data', data, '--out', out, '--init', init, ...settings]);
    settings.push('--folds', '2');
    expect(lastLine(await train(model, tuned))).toMatch(/--folds .*; --fold is missing$/);
    settings.splice(-2);
    const above = join(folder, 'results');
    expect(lastLine(await train(above, above))).toMatch(
      /results: is read from; choose another folder for --out$/,
    );
    expect(readdirSync(above)).toEqual(['model']);
    const [final, best] = ['final', 'best'].map((which) => join(model, 'fold_0', `checkpoint_${which}.pth`));
    renameSync(final!, best!);
    expect(lastLine(await train(model, tuned))).toMatch(/; --checkpoint best takes that$/);
    settings.push('--checkpoint', 'best');
    expect((await train(model, tuned)).code).toBe(0);
    const [was, is] = [join(folder, 'run'), tuned].map((path) => readJson(join(path, 'config.json')));
    expect(is).toMatchObject({ stage: 'fineTuning', init: model, initChoice: { checkpoint: 'best' } });
    const { blocks, decoderBlocks, transposedBias, channels } = is.config;
    expect([blocks, decoderBlocks, transposedBias]).toEqual([[2, 2], [2], true]);
    expect(channels).toMatchObject([{ scheme: 'CTNormalization', low: was.config.intensityLowHu }]);
    for (const key of [
      'architecture',
      'filters',
      'kernels',
      'strides',
      'spacingMm',
      'patch',
      'intensityLowHu',
    ])
      expect(is.config[key], key).toEqual(was.config[key]);
    const weights = ['run', 'tuned'].map((name) =>
      loadParameters(bestCheckpoint(join(folder, name)), parameterLayout(is.config).specs),
    );
    for (const [name, values] of weights[0]!)
      expect(relativeError(weights[1]!.get(name)!, values), name).toBeLessThan(1e-6);

    const resume = ['train', '--out', tuned, '--resume'];
    expect((await cliHere(resume)).code).toBe(0);
    appendFileSync(best!, ' ');
    expect(lastLine(await cliHere(resume))).toMatch(
      /tuned: was started from other weights than .*best\.pth holds now$/,
    );
  });
});
