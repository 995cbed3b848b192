/** DICOM from a scanner's slices to labels and back, by commands, on phantoms so coarse that it takes seconds. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toRas } from '../../packages/core/src/volume/orientation.ts';
import type { Volume } from '../../packages/core/src/volume/volume.ts';
import { PATIENT, type SliceFixture, slicesOfLas } from '../../packages/dicom/src/dicomFixture.ts';
import { readLabelsFile, readNiftiFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { readScanFile } from '../../packages/files/src/scanFile.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliHere, cliJsonHere, lastLine, shared } from '../cli.ts';

const TINY = { ...TINY_NETWORK, initial: { epochs: 30, learningRate: 0.02, augment: false } };

/** A volume turned so that its axes point to the left, to the front and to the head. */
function toLas(volume: Volume): Volume {
  const { shape, affine, data } = toRas(volume);
  const [nx] = shape;
  for (let row = 0; row < data.length; row += nx) data.subarray(row, row + nx).reverse();
  const turned = affine.map((value, i) => (i % 4 === 0 && i < 12 ? -value : value));
  for (const i of [3, 7, 11]) turned[i] = affine[i]! + (nx - 1) * affine[i - 3]!;
  return { shape, affine: turned, data };
}

async function writeSlices(folder: string, volume: Volume, changed: SliceFixture = {}): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const [i, slice] of slicesOfLas(volume, changed).entries())
    writeFileSync(join(folder, `IM${String(i).padStart(4, '0')}`), await slice.read());
}

describe('DICOM', () => {
  let folder: string;
  let data: string;
  /** The folder of a pipeline on the data set, and the run that labels in it. */
  let out: string;
  let run: string;
  let series: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    [data, out, series] = [join(folder, 'data'), join(folder, 'out'), join(folder, 'in', 'test_000')];
    run = join(out, 'labelled-only');
    const config = join(folder, 'tiny.json');
    writeFileSync(config, JSON.stringify(TINY));
    const counts = ['--labelled', '3', '--unlabelled', '1', '--test', '1'];
    await cliJsonHere(['phantom', '--out', data, ...counts, '--seed', '3', '--spacing', '10']);
    for (const part of ['Tr', 'Un', 'Ts'])
      for (const file of readdirSync(join(data, `images${part}`))) {
        const path = join(data, `images${part}`, file);
        const image = toLas(await readNiftiFile(path));
        await writeSlices(join(data, `images${part}`, file.replace('_0000.nii.gz', '')), image);
        if (part === 'Ts') await writeSlices(series, image);
        rmSync(path);
      }
    await writeNiftiFile(join(folder, 'test_000.nii.gz'), await readScanFile(series));
    for (const part of ['Tr', 'Ts'])
      for (const file of readdirSync(join(data, `labels${part}`))) {
        const path = join(data, `labels${part}`, file);
        const { affine } = await readScanFile(join(data, `images${part}`, file.replace('.nii.gz', '')));
        await writeNiftiFile(path, { ...toLas(await readLabelsFile(path)), affine });
      }
    await cliJsonHere(['pipeline', '--data', data, '--out', out, '--preset', 'small', '--config', config]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('the pipeline trains, labels, predicts, scores and reports, and writes nothing of whom the scans are of', () => {
    const names = readdirSync(out, { recursive: true, encoding: 'utf8' });
    // By the teacher and by both students.
    expect(names.filter((name) => /^predictions\W[\w-]+\Wtest_000\.nii\.gz$/.test(name))).toHaveLength(3);
    expect(names).toContain('report.html');
    const manifest = JSON.parse(readFileSync(join(out, 'pseudo-labels', 'manifest.json'), 'utf8'));
    expect(manifest.cases).toMatchObject([{ case: 'unlabelled_000', labelled: true }]);
    for (const name of names.filter((name) => statSync(join(out, name)).isFile())) {
      const bytes = readFileSync(join(out, name), 'latin1');
      for (const secret of Object.values(PATIENT)) expect(bytes.includes(secret), name).toBe(false);
    }
  });

  const predict = (input: string, out: string, ...options: string[]) =>
    cliHere(['predict', '--model', run, '--input', input, '--out', out, ...options]);

  test('slices give the labels that the same scan gives as NIfTI, and a segmentation', async () => {
    const [ofNifti, ofDicom] = [join(folder, 'nifti'), join(folder, 'dicom')];
    expect((await predict(join(folder, 'test_000.nii.gz'), ofNifti)).code).toBe(0);
    const done = await predict(dirname(series), ofDicom, '--dicom-seg', '--preview', '--statistics');
    expect(done.code).toBe(0);
    const [expected, labels] = [
      await readLabelsFile(join(ofNifti, 'test_000.nii.gz')),
      await readLabelsFile(join(ofDicom, 'test_000.nii.gz')),
    ];
    expect(labels.data).toEqual(expected.data);
    expect(labels.data.some((label) => label > 0)).toBe(true);
    for (const [i, value] of expected.affine.entries()) expect(labels.affine[i]).toBeCloseTo(value, 4);

    const written = readdirSync(ofDicom).sort();
    expect(written).toEqual([
      'report.json',
      'test_000.dcm',
      'test_000.nii.gz',
      'test_000.png',
      'test_000_statistics.json',
    ]);
    const texts = [
      done.stdout,
      done.stderr,
      ...['report.json', 'test_000_statistics.json'].map((name) => readFileSync(join(ofDicom, name), 'utf8')),
    ];
    for (const secret of Object.values(PATIENT)) for (const text of texts) expect(text).not.toContain(secret);
    // The scan, read anew from the segmentation's folder, is no scan.
    expect(lastLine(await cliHere(['info', join(ofDicom, 'test_000.dcm')]))).toMatch(
      /holds no slices of CT, MR or PET; passed over: 1 SEG object$/,
    );
  });

  test('a series is the whole input, is not written into, and made again once a slice has changed', async () => {
    const out = join(folder, 'again');
    expect(lastLine(await predict(series, join(series, 'out')))).toMatch(
      /lies in .*, which is read from; choose/,
    );
    expect((await predict(series, out)).code).toBe(0);
    const map = join(out, 'test_000.nii.gz');
    const before = statSync(map).mtimeMs;
    expect((await predict(series, out, '--continue')).code).toBe(0);
    expect(statSync(map).mtimeMs).toBe(before);
    const slice = readFileSync(join(series, 'IM0003'));
    slice[slice.length - 2]! ^= 1;
    writeFileSync(join(series, 'IM0003'), slice);
    const third = await predict(series, out, '--continue');
    expect(third.stderr).toMatch(/test_000: its scan has changed, it is segmented again/);
    expect(
      lastLine(await predict(join(folder, 'test_000.nii.gz'), join(folder, 'no'), '--dicom-seg')),
    ).toMatch(/test_000\.nii\.gz: is no DICOM; --dicom-seg refers to DICOM$/);
  });

  test('a folder with a slice too few stops no other, nor does one that no segmentation can refer to', async () => {
    const [input, scan] = [join(folder, 'three'), await readScanFile(series)];
    for (const name of ['a', 'b']) await writeSlices(join(input, name), scan);
    await writeSlices(join(input, 'anyFrame'), scan, { FrameOfReferenceUID: undefined });
    rmSync(join(input, 'a', 'IM0004'));
    const done = await predict(input, join(folder, 'threeOut'), '--dicom-seg');
    expect(done.code).toBe(1);
    expect(done.stderr).toMatch(/a: 1 slice missing: \S+ mm between .*IM0003 and .*IM0005, elsewhere \d+/);
    expect(done.stderr).toMatch(/anyFrame\/IM0000: has no FrameOfReferenceUID, which a segmentation needs/);
    expect(readdirSync(join(folder, 'threeOut')).sort()).toEqual([
      'anyFrame.nii.gz',
      'b.dcm',
      'b.nii.gz',
      'report.json',
    ]);
  });

  test('unlabelled scans are labelled, and a data set is planned for', async () => {
    const [pseudo, plan] = [join(folder, 'pseudo'), join(folder, 'plan.json')];
    const images = join(data, 'imagesUn');
    const { cases } = await cliJsonHere<{ cases: { case: string; labelled: boolean }[] }>([
      'pseudo-label',
      '--model',
      run,
      '--images',
      images,
      '--out',
      pseudo,
    ]);
    expect(cases).toMatchObject([{ case: 'unlabelled_000', labelled: true }]);
    expect(readFileSync(join(pseudo, 'manifest.json'), 'utf8')).not.toContain(PATIENT.PatientName);
    const twin = join(data, 'imagesTr', 'labelled_000_0000.nii.gz');
    renameSync(join(folder, 'test_000.nii.gz'), twin);
    expect(lastLine(await cliHere(['plan', '--data', data, '--out', plan]))).toMatch(
      /the case labelled_000 is there as .*, too$/,
    );
    rmSync(twin);
    expect((await cliHere(['plan', '--data', data, '--out', plan])).code).toBe(0);
  });

  test('info says who a series is of when it is asked alone', async () => {
    const [plain, asked] = [await cliHere(['info', series]), await cliHere(['info', series, '--patient'])];
    expect(plain.stdout).toMatch(/^series +2 "Abdomen 5\.0", CT, \d+ slices$/m);
    expect(plain.stdout).not.toContain(PATIENT.PatientID);
    expect(asked.stdout).toMatch(/^patient +DOE\^JANE, ID SECRET42, born 19500101, sex F, study 20240203/m);
  });
});

const realSeries = shared('data/dicom-ct/series');
const reference = shared('data/dicom-ct/reference.nii.gz');
test.skipIf(!realSeries)(
  'a scanner’s series becomes what dcm2niix makes of it (skipped without ../shared)',
  async () => {
    const [scan, expected] = [await readScanFile(realSeries!), await readNiftiFile(reference!)];
    expect(scan.shape).toEqual(expected.shape);
    expect(scan.data.findIndex((value, i) => value !== expected.data[i])).toBe(-1);
    for (const [i, value] of expected.affine.entries())
      expect(Math.abs(scan.affine[i]! - value)).toBeLessThan(1e-4);
  },
);
