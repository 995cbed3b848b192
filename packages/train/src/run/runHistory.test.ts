/** A run's folder belongs to one process and one history: what is refused there, what a fault leaves behind. */
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors } from '@organseg/core/network/safetensors.ts';
import { readLabelsFile, writeNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig, writePhantoms } from '../../test/fixture.ts';
import { bestCheckpoint, isFinished } from './runFolder.ts';
import { assertUnchanged, resumeRun, startRun } from './startRun.ts';

/** Makes a checkpoint one of an earlier version, which did not hold the settings that it was made with. */
function forgetSettings(path: string): void {
  const { metadata, tensors } = decodeSafetensors(readFileSync(path), path);
  const { madeWith: _, ...rest } = metadata;
  writeFileSync(path, Buffer.concat([...encodeSafetensors({ metadata: rest, tensors })]));
}

describe('the folder of a run', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const phantoms = async () => {
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    await writePhantoms(data, { labelled: 3, unlabelled: 0, test: 0 });
    return { folder, data };
  };

  test('what a broken label map began is taken back; once it is mended, the run is begun', async () => {
    const { folder, data } = await phantoms();
    const out = join(folder, 'run');
    const config = tinyConfig({ initial: { epochs: 1, learningRate: 1e-3, augment: true } });
    const labels = join(data, 'labelsTr', 'labelled_002.nii.gz');
    const whole = readFileSync(labels);
    writeFileSync(labels, whole.subarray(0, -9));
    await expect(startRun(gpu, { data, out, config })).rejects.toThrow(`${labels}: the gzip stream is cut`);
    expect(readdirSync(out)).toEqual(['prepared']);
    writeFileSync(labels, whole);
    await startRun(gpu, { data, out, config });
    expect(await isFinished(out)).toBe(true);
  });

  test('runs are never mixed', async () => {
    const { folder, data } = await phantoms();
    const out = join(folder, 'run');
    const config = tinyConfig({ initial: { epochs: 1, learningRate: 1e-3, augment: true } });
    let meanwhile: Promise<unknown> | undefined;
    const onStep = () => {
      meanwhile ??= resumeRun(gpu, out).catch(({ message }) => message);
    };
    await startRun(gpu, { data, out, config }, { onStep });
    expect(await meanwhile).toBe(`${out} is in use by process ${process.pid}`);
    await expect(startRun(gpu, { data, out, config })).rejects.toThrow(
      'holds a run already; --resume continues it',
    );
    const taken = join(folder, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'training.jsonl'), 'mine');
    for (const [path, fault] of [
      [taken, 'training.jsonl: is there already'],
      [data, 'holds a data set'],
      [join(data, 'imagesTr', 'new'), 'which is read from'],
    ] as const)
      await expect(startRun(gpu, { data, out: path, config })).rejects.toThrow(fault);
    for (const [prepared, fault] of [
      [data, 'holds a data set (dataset.json); choose another folder for --prepared'],
      [join(data, 'labelsTr'), 'is read from; choose another folder for --prepared'],
    ] as const)
      await expect(startRun(gpu, { data, out: join(folder, 'c'), config, prepared })).rejects.toThrow(fault);
    expect(readdirSync(taken)).toEqual(['training.jsonl']);
    const other = tinyConfig({ filters: [4, 6] });
    await expect(startRun(gpu, { data, out: join(folder, 'b'), config: other, init: out })).rejects.toThrow(
      "its filters are [4,8], this run's [4,6]",
    );
  });

  test('a run goes on with the data that it was started with, or not at all', async () => {
    const { folder, data } = await phantoms();
    const out = join(folder, 'run');
    const config = tinyConfig({ initial: { epochs: 2, learningRate: 1e-3, augment: true } });
    await startRun(gpu, { data, out, config });
    const labels = join(data, 'labelsTr', 'labelled_000.nii.gz');
    utimesSync(labels, 1, 1);
    await resumeRun(gpu, out); // touched, not changed
    const dataset = join(data, 'dataset.json');
    const described = JSON.parse(readFileSync(dataset, 'utf8'));
    const withIgnore = { ...described, labels: { ...described.labels, ignore: 14 } };
    writeFileSync(dataset, JSON.stringify(withIgnore));
    await expect(resumeRun(gpu, out)).rejects.toThrow(
      `${out}: ${dataset} has changed since it was started: ignoreLabel null, not 14`,
    );
    writeFileSync(dataset, JSON.stringify(described));
    const { data: ids, ...rest } = await readLabelsFile(labels);
    await writeNiftiFile(labels, { ...rest, data: ids.map((id) => [0, 2, 1][id] ?? id) });
    await expect(resumeRun(gpu, out)).rejects.toThrow(
      `${out}: its data have changed since it was started: labelsTr/labelled_000.nii.gz`,
    );
    await expect(assertUnchanged(out)).rejects.toThrow('labelsTr/labelled_000.nii.gz');

    const description = join(out, 'config.json');
    const { sources: _, ...earlier } = JSON.parse(readFileSync(description, 'utf8'));
    const edited = {
      ...earlier.config,
      patch: [16, 16, 32],
      initial: { ...config.initial, epochs: 4 },
    };
    writeFileSync(description, JSON.stringify({ ...earlier, config: edited }));
    for (const goOn of [() => resumeRun(gpu, out), () => assertUnchanged(out)])
      await expect(goOn()).rejects.toThrow(
        `${description}: the run was made with patch [16,16,16], not [16,16,32]; initial.epochs 2, not 4;`,
      );
    writeFileSync(description, JSON.stringify(earlier));
    const best = readFileSync(bestCheckpoint(out));
    rmSync(bestCheckpoint(out));
    await expect(resumeRun(gpu, out)).rejects.toThrow(
      /checkpoint-best\.safetensors: is missing, the weights of epoch \d; put it back, or train anew$/,
    );
    writeFileSync(bestCheckpoint(out), best);
    const notes: string[] = [];
    await resumeRun(gpu, out, { onNote: (text) => notes.push(text) });
    expect(notes[0]).toContain('an earlier version began it');
    forgetSettings(join(out, 'checkpoint-latest.safetensors'));
    const shorter = { ...config, initial: { ...config.initial, epochs: 1 } };
    writeFileSync(description, JSON.stringify({ ...earlier, config: { ...earlier.config, ...shorter } }));
    await expect(resumeRun(gpu, out)).rejects.toThrow(
      `${description}: initial.epochs is 1, the run has gone through 2`,
    );
    writeFileSync(description, JSON.stringify(earlier));
    await writePhantoms(data, { labelled: 4, unlabelled: 0, test: 0 });
    await expect(resumeRun(gpu, out)).rejects.toThrow(
      `${data} no longer holds the cases that this run was started with: with labelled_003`,
    );
  });
});
