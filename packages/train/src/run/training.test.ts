/** Runs on phantoms: resumed bit for bit, pseudo-labelled, fine-tuned and predicted with. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@organseg/files/dataset.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import { readNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { relativeError } from '@organseg/kernels/reference/array.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownerOf, temporaryFolder, tinyConfig, writePhantoms } from '../../test/fixture.ts';
import type { Augmentation } from '../config/augmentations.ts';
import { parameterLayout } from '../config/network.ts';
import type { Config } from '../config/schema.ts';
import { openModel } from '../predict/openModel.ts';
import { originOf } from '../predict/origin.ts';
import { caseScan, Predictor } from '../predict/predictor.ts';
import { labelledBefore, pseudoLabel } from '../pseudo/pseudoLabel.ts';
import { loadParameters, loadState } from './checkpoint.ts';
import { bestCheckpoint, isFinished, readRun } from './runFolder.ts';
import { resumeRun, startRun } from './startRun.ts';
import { readRecords, type TrainingRecord } from './trainingRecords.ts';

describe('a run', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const phantoms = async (counts = { labelled: 3, unlabelled: 0, test: 0 }) => {
    const folder = temporaryFolder();
    await writePhantoms(join(folder, 'data'), counts);
    return { folder, data: join(folder, 'data') };
  };

  const spatial: Augmentation = {
    kind: 'spatial',
    rotation: { probability: 0.5, degrees: [-30, 30] },
    scaling: { probability: 0.5, factor: [0.7, 1.4] },
    elastic: { probability: 0.5, pointsMm: 40, displacementMm: [0, 10] },
  };
  const noise: Augmentation = { kind: 'noise', probability: 1, mean: [0, 0.1], std: [0, 0.1] };
  const consistency = { patches: 1, weight: 10, rampEpochs: 2 };
  const copyPaste = (refresh: number | 'each' | null): Config['copyPaste'] => ({
    partner: 'unlabelled',
    boxShare: 2 / 3,
    pseudoWeight: 0.47,
    labelledShare: 0.25,
    pseudoLabels: { refresh, leastProbability: 0.1 },
  });
  const averaged = { weightAverage: 0.9, branchAt: 0.3, checkpoint: 'final', stepsPerEpoch: 2 } as const;
  test.each([
    // In the middle of an epoch of two steps, at its end, in the middle again.
    ['f32', [1, 2, 5], {}],
    [
      'f16 and SGD',
      [3],
      { precision: 'f16', optimizer: 'sgd', momentum: 0.99, weightDecay: 3e-5, gradientNorm: 1 },
    ],
    [
      'a mean teacher',
      [2, 3],
      { ...averaged, consistency, augmentations: [spatial, noise], foregroundShare: 0.5 },
    ],
    // Labelled behind the first epoch, and behind the second.
    ['copy-paste', [2, 3, 4], { ...averaged, copyPaste: copyPaste(2), augmentations: [spatial, noise] }],
    [
      'copy-paste that labels each patch',
      [3],
      { ...averaged, copyPaste: copyPaste('each'), augmentations: [spatial, noise] },
    ],
  ] as [string, [number, ...number[]], Partial<Config>][])(
    'with %s, stopped after steps %j and resumed, equals one that was not, bit for bit',
    async (_, [first, ...stops], changes) => {
      const { folder, data } = await phantoms({ labelled: 3, unlabelled: 2, test: 0 });
      const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
      const config = tinyConfig(changes);
      await startRun(gpu, { data, out: whole, config });
      expect(await isFinished(whole)).toBe(true);
      // What `auto` came to, so that no other adapter goes on in another precision.
      const { precision } = (await readRun(whole)).config;
      expect(precision).toBe(config.precision === 'auto' ? 'f32' : config.precision);

      const stopAfter = (step: number) => {
        const stop = new AbortController();
        return { signal: stop.signal, onStep: (at: { step: number }) => at.step === step && stop.abort() };
      };
      const assertStopped = (step: number) =>
        expect(loadState(parts)).toMatchObject({ epoch: Math.floor(step / 2), stepInEpoch: step % 2, step });
      await startRun(gpu, { data, out: parts, config }, stopAfter(first));
      assertStopped(first);
      for (const step of stops) {
        await resumeRun(gpu, parts, stopAfter(step));
        assertStopped(step);
      }
      expect(await isFinished(parts)).toBe(false);
      const result = await resumeRun(gpu, parts);
      expect(result).toMatchObject({ finished: true, epoch: 3, step: 6 });
      expect(loadState(parts).lossScale !== null).toBe(config.precision === 'f16');

      for (const file of ['checkpoint-latest.safetensors', 'checkpoint-best.safetensors']) {
        expect(readFileSync(join(parts, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
      }
      const timeless = (records: TrainingRecord[]) =>
        records.map((record) => ({ ...record, seconds: 0, time: undefined }));
      expect(timeless(await readRecords(parts))).toEqual(timeless(await readRecords(whole)));
      const records = await readRecords(whole);
      // Two steps an epoch: four are full behind the second, and the last counts in any case.
      const validated = records.filter(({ event }) => event === 'validation').map(({ epoch }) => epoch);
      expect(validated).toEqual([2, 3]);
      const [earliest] = records;
      if (config.consistency) expect(earliest).toMatchObject({ consistency: expect.any(Number) });
      else expect(earliest).not.toHaveProperty('consistency');
    },
  );

  test('a run that branches from another equals one that took all steps itself, bit for bit', async () => {
    const { folder, data } = await phantoms({ labelled: 3, unlabelled: 2, test: 0 });
    const [whole, labelled, branch] = ['whole', 'labelled', 'branch'].map((name) => join(folder, name));
    const config = tinyConfig({ ...averaged, copyPaste: copyPaste(2) });
    await startRun(gpu, { data, out: whole!, config });
    await startRun(gpu, { data, out: labelled!, config: { ...config, copyPaste: null } });
    await startRun(gpu, { data, out: branch!, config, init: labelled, branches: true });
    const best = (run: string) => readFileSync(bestCheckpoint(run));
    expect(best(branch!).equals(best(whole!))).toBe(true);
    expect(best(branch!).equals(best(labelled!))).toBe(false);
    // The log of both halves, and what the labels that it learnt from were worth.
    const events = (await readRecords(branch!)).map(({ event, epoch }) => `${event} ${epoch}`);
    expect(events).toEqual([
      'epoch 1',
      'labelling 1',
      'epoch 2',
      'validation 2',
      'labelling 2',
      'epoch 3',
      'validation 3',
    ]);
    const [labelling] = (await readRecords(branch!)).filter(({ event }) => event === 'labelling');
    expect(labelling).toMatchObject({ cases: 2, trueDsc: expect.any(Number) });
    expect(readdirSync(join(branch!, 'pseudo-labels'))).toEqual(['epoch-2']);

    // Without the average: what is predicted with are the weights themselves.
    const plain = join(folder, 'plain');
    const unaveraged = { ...config, copyPaste: null, weightAverage: null };
    await startRun(gpu, { data, out: plain, config: unaveraged, init: labelled, branches: true });
    const { specs } = parameterLayout(config);
    const [ended, last] = [plain, labelled!].map((run) =>
      loadParameters(join(run, 'checkpoint-latest.safetensors'), specs),
    );
    expect(loadParameters(bestCheckpoint(plain), specs)).toEqual(ended);
    expect(ended).toEqual(last);

    // From the one that labels scans too, though its labels are not there for others.
    const again = join(folder, 'again');
    await startRun(gpu, { data, out: again, config, init: whole, branches: true });
    expect(best(again).equals(best(whole!))).toBe(true);

    const other = { data, out: join(folder, 'other'), init: labelled, branches: true };
    await expect(startRun(gpu, { ...other, config: { ...config, optimizer: 'sgd' } })).rejects.toThrow(
      'optimizer "adam", not "sgd"',
    );
    await expect(startRun(gpu, { ...other, config, init: data })).rejects.toThrow('is no run');
    expect(existsSync(other.out)).toBe(false);
  });

  test('killed between checkpoints, it goes on from the last one and logs each epoch once', async () => {
    const { folder, data } = await phantoms();
    const out = join(folder, 'run');
    const config = tinyConfig({ saveEverySteps: 1, validateEverySteps: 1 });
    const stop = new AbortController();
    await startRun(
      gpu,
      { data, out, config },
      { signal: stop.signal, onStep: ({ step }) => step === 2 && stop.abort() },
    );
    // What a killed process leaves: lines of an epoch that no checkpoint holds, and half a line.
    const log = join(out, 'training.jsonl');
    writeFileSync(
      log,
      [
        readFileSync(log, 'utf8'),
        '{"event":"validation","epoch":1,"step":2,"meanDsc":0.9,"dsc":{},"best":true}\n',
        '{"event":"epoch","epoch":2,"step":4,"loss":9}\n{"event":"ep',
      ].join(''),
    );
    await resumeRun(gpu, out);
    expect((await readRecords(out)).map(({ event, epoch }) => `${event} ${epoch}`)).toEqual([
      'epoch 1',
      'validation 1',
      'epoch 2',
      'validation 2',
      'epoch 3',
      'validation 3',
    ]);
  });

  test('the loss falls on one case learnt by heart', async () => {
    const { folder, data } = await phantoms({ labelled: 1, unlabelled: 0, test: 0 });
    const notes: string[] = [];
    const initial = { epochs: 40, learningRate: 2e-2, augment: false };
    const config = tinyConfig({ initial, validateEverySteps: 80 });
    await startRun(gpu, { data, out: join(folder, 'run'), config }, { onNote: (text) => notes.push(text) });
    const losses = (await readRecords(join(folder, 'run'))).flatMap((r) =>
      r.event === 'epoch' ? [r.loss] : [],
    );
    expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]);
    expect(notes.join()).toContain('not chosen fairly');
  });

  test('pseudo-labels and fine-tuning: the kept cases are learnt from, and the weights start at the first run’s', async () => {
    const { folder, data } = await phantoms({ labelled: 2, unlabelled: 2, test: 0 });
    const [first, second, pseudo] = ['first', 'second', 'pseudo'].map((name) => join(folder, name));
    const config = tinyConfig({ initial: { epochs: 1, learningRate: 1e-3, augment: true } });
    await startRun(gpu, { data, out: first, config });
    const { unlabelled } = await openDataset(data);
    const model = await openModel(first);
    const predictor = await Predictor.open(ownerOf(gpu), model, { confidence: true });
    const stop = new AbortController();
    const origin = await originOf(model, {});
    const options = { origin, out: pseudo, selection: config.selection };
    const interrupted = pseudoLabel(predictor, unlabelled, {
      ...options,
      signal: stop.signal,
      onCase: () => stop.abort(),
    });
    await expect(interrupted).rejects.toThrow();
    const manifest = await pseudoLabel(predictor, unlabelled, options);
    expect(manifest.cases.map(({ case: name, kept }) => [name, kept])).toEqual([
      ['unlabelled_000', true],
      ['unlabelled_001', true],
    ]);
    for (const { confidence, entropy } of manifest.cases) {
      expect(confidence).toBeGreaterThan(1 / config.classes);
      expect(confidence).toBeLessThanOrEqual(1);
      expect(entropy).toBeGreaterThan(0);
      expect(entropy).toBeLessThan(1);
    }
    // Judged anew by a limit that nothing passes.
    const strict = await pseudoLabel(predictor, unlabelled, {
      ...options,
      selection: [{ strategy: 'min-voxels', voxels: 1e6 }],
    });
    expect(
      strict.cases.every(
        ({ kept, reason }) => !kept && reason.startsWith('min-voxels: fewer than 1000000 voxels: '),
      ),
    ).toBe(true);
    // Compared with themselves nothing changes.
    const again = await pseudoLabel(predictor, unlabelled, { ...options, compared: [pseudo] });
    expect(again.cases.map((each) => [each.kept, each.instability])).toEqual([
      [true, 0],
      [true, 0],
    ]);
    const other = { ...origin, models: [second], weights: ['01'] };
    await expect(pseudoLabel(predictor, unlabelled, { ...options, origin: other })).rejects.toThrow(
      `${pseudo}: holds labels of ${first}, not of ${second}`,
    );
    // A scan that has changed since is labelled again, and what nothing of ours names is left alone.
    const [changed, rest] = unlabelled;
    const left = async () => [...(await labelledBefore(unlabelled, options)).keys()];
    expect(await left()).toEqual(unlabelled.map(({ name }) => name));
    const bytes = readFileSync(changed!.image);
    appendFileSync(changed!.image, ' ');
    expect(await left()).toEqual([rest!.name]);
    writeFileSync(changed!.image, bytes);
    const alone = await pseudoLabel(predictor, [rest!], options);
    expect(alone.cases.map((each) => [each.case, each.kept])).toEqual([
      [rest!.name, true],
      [changed!.name, false],
    ]);
    await pseudoLabel(predictor, unlabelled, options);
    await expect(
      pseudoLabel(predictor, unlabelled, { ...options, out: join(data, 'labelsUn') }),
    ).rejects.toThrow('labelsUn/unlabelled_000.nii.gz: is there already, made by something else');
    predictor.close();

    const tuned = { ...config, fineTuning: { epochs: 1, learningRate: 1e-12, augment: false } };
    await startRun(gpu, { data, out: second, config: tuned, init: first, pseudo });
    expect((await readRun(second)).trainingCases).toEqual([
      'labelled_001',
      'unlabelled_000',
      'unlabelled_001',
    ]);
    const { specs } = parameterLayout(config);
    const [before, after] = [
      loadParameters(bestCheckpoint(first), specs),
      loadParameters(bestCheckpoint(second), specs),
    ];
    for (const [name, values] of before) {
      expect(relativeError(after.get(name)!, values), name).toBeLessThan(1e-6);
    }

    // It is known by its digest what the weights started from, until that is gone.
    const { initWeights } = await readRun(second);
    expect(initWeights).toBe(await sha256Of(bestCheckpoint(first)));
    await resumeRun(gpu, second);
    appendFileSync(bestCheckpoint(first), ' ');
    await expect(resumeRun(gpu, second)).rejects.toThrow(
      `${second}: was started from other weights than ${bestCheckpoint(first)} holds now`,
    );
    rmSync(bestCheckpoint(first));
    await resumeRun(gpu, second);
    const third = join(folder, 'third');
    await expect(startRun(gpu, { data, out: third, config: tuned, init: first })).rejects.toThrow(
      `${bestCheckpoint(first)}: no such file or directory`,
    );
    expect(existsSync(third)).toBe(false);
  });

  test('a predicted label map lies on the scan’s own grid', async () => {
    const { folder, data } = await phantoms({ labelled: 2, unlabelled: 0, test: 2 });
    await startRun(gpu, { data, out: join(folder, 'run'), config: tinyConfig() });
    const predictor = await Predictor.open(ownerOf(gpu), await openModel(join(folder, 'run')));
    for (const { image } of (await openDataset(data)).test) {
      const scan = await readNiftiFile(image);
      const { labels, report, voxels } = await predictor.predict(caseScan(scan));
      expect(labels.shape).toEqual(scan.shape);
      expect(labels.affine).toEqual(scan.affine);
      expect(report).toMatchObject({ fallback: null, spacingMm: [12, 12, 12], nonFiniteVoxels: 0 });
      expect(voxels.reduce((a, b) => a + b)).toBe(report.networkShape.reduce((a, b) => a * b));
    }
    predictor.close();
  });
});
