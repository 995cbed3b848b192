/** Predicting by commands, on phantoms so coarse that it takes seconds. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OwnedGpu } from '../../apps/cli/src/gpu/withGpu.ts';
import { predictOrGoOn } from '../../apps/cli/src/pipeline/tasks.ts';
import { reportsIn } from '../../apps/cli/src/predict/predictions.ts';
import { averaged } from '../../apps/cli/src/predict/segmenters.ts';
import { determinant } from '../../packages/core/src/volume/affine.ts';
import { toRas } from '../../packages/core/src/volume/orientation.ts';
import { type Volume, type Xyz, xyz } from '../../packages/core/src/volume/volume.ts';
import { onGrid } from '../../packages/core/test/onGrid.ts';
import { readLabelsFile, readNiftiFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliHere, cliJsonHere, lastLine } from '../cli.ts';

const TINY = {
  ...TINY_NETWORK,
  initial: { epochs: 60, learningRate: 0.02, augment: false },
};

describe('predict', () => {
  let folder: string;
  let run: string;
  let scans: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    [run, scans] = [join(folder, 'run'), join(folder, 'data', 'imagesTs')];
    const data = join(folder, 'data');
    const config = join(folder, 'tiny.json');
    writeFileSync(config, JSON.stringify(TINY));
    const counts = ['--labelled', '3', '--unlabelled', '0', '--test', '2'];
    await cliJsonHere(['phantom', '--out', data, ...counts, '--seed', '3', '--spacing', '10']);
    await cliJsonHere(['train', '--data', data, '--out', run, '--preset', 'small', '--config', config]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const predict = (out: string, ...options: string[]) =>
    cliHere(['predict', '--model', run, '--input', scans, '--out', out, ...options]);

  test('everything that can be asked for; a broken scan is named, and --continue does the rest', async () => {
    const out = join(folder, 'all');
    const broken = join(scans, 'test_000a_0000.nii.gz');
    writeFileSync(broken, 'no scan');
    const everything = [
      '--statistics',
      '--preview',
      '--profile',
      '--tta',
      'x',
      '--largest-component',
      '--model',
      run,
    ];
    const first = await predict(out, ...everything);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/test_000a_0000\.nii\.gz: /);
    expect(first.stderr).toMatch(/test_001: .* MiB of GPU memory at most/);
    const files = (name: string) => [`${name}.nii.gz`, `${name}.png`, `${name}_statistics.json`];
    expect(readdirSync(out).sort()).toEqual(
      [...files('test_000'), ...files('test_001'), 'profile.json', 'report.json'].sort(),
    );

    const statistics = JSON.parse(readFileSync(join(out, 'test_000_statistics.json'), 'utf8'));
    const labels = await readLabelsFile(join(out, 'test_000.nii.gz'));
    const voxels = labels.data.filter((label) => label === 1).length;
    const voxelMl = Math.abs(determinant(labels.affine)) / 1000;
    expect(statistics.liver).toMatchObject({ voxels, volumeMl: expect.closeTo(voxels * voxelMl, 3) });
    expect(labels.header.dataOffset).toBeGreaterThan(352); // the label names
    const picture = readFileSync(join(out, 'test_000.png'));
    expect(picture.toString('latin1', 1, 4)).toBe('PNG');
    expect(picture.readUInt32BE(16)).toBeGreaterThan(1000); // its width
    const { cases } = JSON.parse(readFileSync(join(out, 'profile.json'), 'utf8'));
    expect(cases.map((each: { case: string }) => each.case)).toEqual(['test_000', 'test_001']);
    for (const { timeS, stages } of cases) {
      const known = Object.values<number>(stages).reduce((a, b) => a + b);
      expect(known).toBeLessThan(timeS + 0.1);
    }

    rmSync(broken);
    const written = statSync(join(out, 'test_000.nii.gz')).mtimeMs;
    rmSync(join(out, 'test_001.nii.gz'));
    const other = await predict(out, '--continue', ...everything.slice(0, -2));
    expect(lastLine(other)).toBe(`organseg: ${out}: holds label maps of ${run}, ${run}, not of ${run}`);
    const second = await predict(out, '--continue', ...everything);
    expect(second.code).toBe(0);
    expect(existsSync(join(out, 'test_001.nii.gz'))).toBe(true);
    expect(statSync(join(out, 'test_000.nii.gz')).mtimeMs).toBe(written);
  });

  test('what helps after the network is chosen by the validation cases, kept with the model and applied', async () => {
    const choice = await cliJsonHere<{
      cases: string[];
      dsc: Record<string, { before: number; after: number }>;
    }>(['postprocess', '--choose', '--model', run]);
    expect(choice.cases).toHaveLength(1);
    for (const { before, after } of Object.values(choice.dsc)) expect(after).toBeGreaterThanOrEqual(before);
    expect(JSON.parse(readFileSync(join(run, 'postprocessing.json'), 'utf8'))).toEqual(choice);
    expect((await predict(join(folder, 'chosen'), '--postprocess')).code).toBe(0);
  });

  test('probabilities, on the scan’s grid or in RAS+: the label has the largest', async () => {
    const [input, out] = [join(folder, 'turned'), join(folder, 'shares')];
    mkdirSync(input);
    const scan = await readNiftiFile(join(scans, 'test_000_0000.nii.gz'));
    await writeNiftiFile(join(input, 'axial.nii.gz'), turned(scan, [0, 1, 2], [-1, -1, 1]));
    await writeNiftiFile(join(input, 'feetFirst.nii.gz'), turned(scan, [1, 0, 2], [1, -1, -1]));
    await writeNiftiFile(join(input, 'sagittal.nii.gz'), turned(scan, [1, 2, 0], [-1, 1, 1]));
    const args = ['--model', run, '--input', input, '--out', out, '--probabilities'];
    expect((await cliHere(['predict', ...args])).code).toBe(0);
    for (const name of ['axial', 'feetFirst', 'sagittal']) {
      const labels = await readLabelsFile(join(out, `${name}.nii.gz`));
      const { shape, affine, data } = name === 'sagittal' ? toRas(labels) : labels;
      const file = readFileSync(join(out, `${name}_probabilities.nii`));
      const shares = file.subarray(352);
      const voxels = shape[0] * shape[1] * shape[2];
      expect([1, 2, 3, 4].map((axis) => file.readInt16LE(40 + 2 * axis))).toEqual([...shape, 14]);
      const sform = Array.from({ length: 12 }, (_, i) => file.readFloatLE(280 + 4 * i));
      for (const [i, value] of sform.entries()) expect(value).toBeCloseTo(affine[i]!, 3);
      expect(shares).toHaveLength(14 * voxels);
      const wrong = data.findIndex((label, i) => {
        const all = Array.from({ length: 14 }, (_, c) => shares[c * voxels + i]!);
        const sum = all.reduce((total, share) => total + share);
        return Math.abs(sum - 255) > 7 || all[label]! < Math.max(...all);
      });
      expect(wrong).toBe(-1);
      expect(new Set(data).size).toBeGreaterThan(1);
    }
  });

  test('what is a second channel by its name is not taken for a case', async () => {
    const two = join(folder, 'two');
    mkdirSync(two);
    for (const name of ['a_0000.nii.gz', 'a_0001.nii.gz'])
      copyFileSync(join(scans, 'test_001_0000.nii.gz'), join(two, name));
    expect(lastLine(await predict(join(folder, 'twoOut'), '--input', two))).toMatch(
      /two\/a_0001\.nii\.gz: is channel 1 of a by its name, and CT is all that is read; a scan of its own needs another name$/,
    );
    expect(existsSync(join(folder, 'twoOut'))).toBe(false);
  });

  test('neither a scan nor a reference is overwritten', async () => {
    const [input, labels] = [join(folder, 'named'), join(folder, 'data', 'labelsTs')];
    mkdirSync(input);
    const scan = join(input, 'test_000.nii.gz');
    copyFileSync(join(scans, 'test_000_0000.nii.gz'), scan);
    const before = readFileSync(scan);
    for (const [from, out, fault] of [
      [scan, input, 'would replace the input'],
      [scans, labels, 'is there already, made by something else'],
    ] as const) {
      const refused = await cliHere(['predict', '--model', run, '--input', from, '--out', out]);
      expect(refused.code, fault).toBe(1);
      expect(lastLine(refused)).toContain(fault);
      expect(refused.stderr).not.toContain('predicting');
    }
    expect(readFileSync(scan).equals(before)).toBe(true);
    expect(readdirSync(input)).toEqual(['test_000.nii.gz']);
  });

  test('a task of a pipeline whose device is lost goes on with another one', async () => {
    const out = join(folder, 'lost');
    const cases = ['test_000', 'test_001'].map((name) => ({
      name,
      image: join(scans, `${name}_0000.nii.gz`),
    }));
    const owner = await OwnedGpu.open();
    const first = owner.gpu;
    first.device.destroy();
    try {
      expect(
        await predictOrGoOn(owner, await averaged([run], {}, {}), cases, out, new AbortController().signal),
      ).toBe(true);
      expect(owner.gpu).not.toBe(first);
      await owner.gpu.finish();
    } finally {
      owner.close();
    }
    expect((await reportsIn(out)).map((report) => report.case)).toEqual(cases.map(({ name }) => name));
  });

  test.each([
    [['--memory-cap', '1'], 1, /1 MiB of GPU memory cannot hold one window; \d+ MiB can$/],
    [['--fill-holes', 'liver,tail'], 1, /tail: is no organ of this model/],
    [['--tta', 'x,x'], 2, /Expected some of x,y,z/],
  ] as [string[], number, RegExp][])('%j: exits with %i and one line', async (options, code, message) => {
    const finished = await predict(join(folder, 'wrong'), ...options);
    expect(finished.code).toBe(code);
    expect(lastLine(finished)).toMatch(message);
  });
});

/** Voxel axis i of the result runs along world axis `world[i]`, against it where `signs[i]` is −1. */
function turned(scan: Volume, world: Xyz, signs: Xyz): Volume {
  const ras = toRas(scan);
  const grid = { shape: xyz((axis) => ras.shape[world[axis]]!), affine: new Float64Array(16) };
  grid.affine[15] = 1;
  for (let row = 0; row < 3; row++) {
    grid.affine[row * 4 + 3] = ras.affine[row * 4 + 3]!;
    world.forEach((w, axis) => {
      const along = ras.affine[row * 4 + w]!;
      grid.affine[row * 4 + axis] = signs[axis]! * along;
      if (signs[axis]! < 0) grid.affine[row * 4 + 3]! += along * (ras.shape[w]! - 1);
    });
  }
  return onGrid(ras, grid, 'edge');
}
