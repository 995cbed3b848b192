/** The viewer in a real Chromium, on a processor that plays GPU: one browser and one page for all tests, in this order. */
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import { Random } from '@organseg/core/random.ts';
import { apply, determinant, invert, scaleAndShift } from '@organseg/core/volume/affine.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { COMPRESSED_FRAMES, compressedSlice, dicomSeries } from '@organseg/dicom/dicomFixture.ts';
import { readLabelsFile, readNiftiFile, writeNiftiFile } from '@organseg/files/nifti.ts';
import { golden, zipOf } from '@organseg/files/torch/torchFixture.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { predictFile } from '@organseg/train/predict/predictFile.ts';
import { Predictor } from '@organseg/train/predict/predictor.ts';
import { saveBest } from '@organseg/train/run/checkpoint.ts';
import { createRun } from '@organseg/train/run/runFolder.ts';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { tinyConfig, writePhantoms } from '../../../packages/train/test/fixture.ts';
import { CHROMIUM_ADVICE, findChromium, LONGEST_MS, launchChromium } from '../../evaluator/test/chromium.ts';
import { buildSite } from '../scripts/site.ts';
import { serveFolder } from '../scripts/staticServer.ts';
import { memoryOf, type PageMemory } from './pageMemory.ts';

const hasChromium = findChromium() !== undefined;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const reference = golden('nnunet/plain3d');
const LABELS = ['background', 'liver', 'spleen', 'left "odd", kidney'];

describe.skipIf(!hasChromium)(`the viewer${hasChromium ? '' : ` (skipped: ${CHROMIUM_ADVICE})`}`, () => {
  let folder: string;
  let server: Server;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let origin: string;
  const requests: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    await buildSite(join(folder, 'site'));
    server = await serveFolder(join(folder, 'site'), 0, '/some/where/');
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    await writePhantoms(join(folder, 'data'), { labelled: 0, unlabelled: 0, test: 1 });
    await writeRun(join(folder, 'run'));
    browser = await launchChromium('SwiftShader');
    context = await browser.newContext({ baseURL: `${origin}/some/where/`, acceptDownloads: true });
    context.setDefaultTimeout(LONGEST_MS);
    context.on('request', (request) => requests.push(request.url()));
    page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await opened();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function opened(): Promise<void> {
    await page.goto('./');
    await page.waitForSelector('body[data-ready]');
  }

  /** A run of random weights. */
  async function writeRun(path: string, labelNames = LABELS, seed = 3, changes = {}): Promise<void> {
    const config = tinyConfig({ classes: labelNames.length, ...changes });
    const none = { init: null, initWeights: null, pseudo: null, fold: null, prepared: null, sources: null };
    await createRun(path, {
      ...none,
      phase: 'initial',
      data: 'data',
      branches: false,
      labelNames,
      channelNames: ['CT'],
      trainingCases: [],
      validationCases: [],
      config,
    });
    const random = new Random(seed);
    const { specs } = networkLayout(networkConfig(config));
    const values = specs.map(({ name, shape }) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      return [name, Float32Array.from({ length: size }, () => random.uniform(-0.5, 0.5))] as const;
    });
    await saveBest(path, specs, new Map(values));
  }

  /** Writes a scan of 16-bit values, a cylinder in air, beside which all else is small. Returns the bytes of its voxels. */
  async function writeLargeScan(path: string): Promise<number> {
    const data = Int16Array.from({ length: 192 * 192 * 64 }, (_, i) => {
      const [x, y] = [(i % 192) - 96, (Math.floor(i / 192) % 192) - 96];
      return x * x + y * y < 80 ** 2 ? 40 + ((x * y) % 100) : -1000;
    });
    const affine = scaleAndShift([1.9, 1.9, 4.5], [0, 0, 0]);
    await writeNiftiFile(path, { shape: [192, 192, 64], affine, data });
    return data.byteLength;
  }

  /** Writes a scan of a bright ball and the label map of the ball. Returns their paths. */
  async function writeBall(to: string): Promise<{ scan: string; truth: string }> {
    const [scan, truth] = [join(to, 'ball_0000.nii.gz'), join(to, 'ball.nii.gz')];
    const labels = Uint8Array.from({ length: 32 ** 3 }, (_, i) => {
      const at = [i % 32, Math.floor(i / 32) % 32, Math.floor(i / 32 ** 2)];
      return Math.hypot(...at.map((place) => place - 15)) < 8 ? 1 : 0;
    });
    const grid = { shape: [32, 32, 32], affine: scaleAndShift([5, 5, 5], [0, 0, 0]) } as const;
    const data = Int16Array.from(labels, (label, i) => (label ? 150 : -50) + (i % 7));
    await writeNiftiFile(scan, { ...grid, data });
    await writeNiftiFile(truth, { ...grid, data: labels });
    return { scan, truth };
  }

  const text = async (id: string) => ((await page.textContent(`#${id}`)) ?? '').trim();

  /** Chooses files, and waits until the page has taken them in or told why not. Returns the fault, if any. */
  async function choose(
    id: string,
    files: string | string[] | { name: string; buffer: Buffer },
  ): Promise<string> {
    const isPath = typeof files === 'string' || Array.isArray(files);
    const given = isPath ? files : { ...files, mimeType: 'application/octet-stream' };
    await page.setInputFiles(`#${id}`, given);
    await idle();
    return text('fault');
  }

  /** Drops a file or a folder in the middle of an element, as a user does. */
  async function drop(id: string, path: string): Promise<void> {
    const { x, y, width, height } = (await page.locator(`#${id}`).boundingBox())!;
    const session = await context.newCDPSession(page);
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await session.send('Input.dispatchDragEvent', { type, x: x + width / 2, y: y + height / 2, data });
  }

  const idle = () => page.waitForSelector('#cancel', { state: 'hidden' });

  async function segmented(): Promise<void> {
    await page.click('#segment');
    await idle();
    expect(await text('fault')).toBe('');
    expect(await text('status')).toBe('Done.');
  }

  async function saved(button: string): Promise<string> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#${button}`)]);
    const path = join(folder, download.suggestedFilename());
    await download.saveAs(path);
    return path;
  }

  test('the site has no scripts but the page’s, its workers’ and DICOM’s decoders, which are loaded when they are needed', () => {
    const site = join(folder, 'site');
    const scripts = readdirSync(site).filter((name) => name.endsWith('.js'));
    const names = scripts.map((name) => name.replace(/-[\w-]{8}\.js$/, ''));
    expect(names.sort()).toEqual([
      'page.js',
      'serviceWorker.js',
      'worker-charlsjs_decode',
      'worker-dicomSeries',
      'worker-lossless',
      'worker-openjpegjs_decode',
      'worker-rolldown-runtime',
      'worker.js',
    ]);
    const bytes = ['page.js', 'worker.js'].map((name) => statSync(join(site, name)).size);
    expect(bytes[0]! + bytes[1]!).toBeLessThan(1.6e6);
  });

  const phantom = () => join(folder, 'data/imagesTs/test_000_0000.nii.gz');

  test('a broken file is told in one line each, and the page goes on', async () => {
    const whole = readFileSync(phantom());
    const scan = (name: string, buffer: Buffer) => choose('scan-input', { name, buffer });
    expect(await scan('text.nii.gz', Buffer.from('no scan'))).toBe(
      'text.nii.gz: the name says gzip, the content is not',
    );
    expect(await scan('cut.nii.gz', whole.subarray(0, whole.length >> 1))).toBe(
      'cut.nii.gz: the gzip stream is cut short',
    );
    expect(await scan('empty.nii', Buffer.alloc(0))).toBe('empty.nii: the file is empty');
    expect(await choose('zip-input', { name: 'model.zip', buffer: Buffer.from('no zip') })).toMatch(
      /^model\.zip: is a broken zip, or one cut short: /,
    );
    expect(await choose('folder-input', join(folder, 'data'))).toMatch(/^data: holds no model: /);
    const plan = Buffer.from(JSON.stringify(tinyConfig({ patch: [512, 512, 512] })));
    expect(await choose('scan-input', { name: 'plan.json', buffer: plan })).toMatch(
      /^plan\.json: is too large to learn on this GPU \(/,
    );
    expect(await page.isDisabled('#segment')).toBe(true);

    const labels = join(folder, 'data/labelsTs/test_000.nii.gz');
    expect(await choose('scan-input', [phantom(), labels])).toMatch(
      /^2 scans were dropped, test_000\.nii\.gz, test_000_0000\.nii\.gz: expected one, or its channels /,
    );

    const changing = join(folder, 'changing_0000.nii.gz');
    writeFileSync(changing, whole);
    expect(await choose('scan-input', changing)).toBe('');
    writeFileSync(changing, Buffer.concat([whole, whole]));
    await page.click('#segment');
    await idle();
    expect(await text('fault')).toBe(
      'changing_0000.nii.gz: cannot be read any more; it was moved, deleted or changed',
    );
    expect(await text('scan')).toBe('none any more: its files cannot be read');
    expect(await page.isDisabled('#segment')).toBe(true);
  });

  test('a folder of DICOM slices, dropped on the pictures, is shown as one scan', async () => {
    const series = join(folder, 'series');
    mkdirSync(series);
    for (const [i, slice] of dicomSeries(4).entries())
      writeFileSync(join(series, `${i}.dcm`), await slice.read());
    writeFileSync(join(series, 'export.json'), '{}');
    cpSync(phantom(), join(series, 'phantom.nii.gz'));
    await drop('slices', series);
    await page.waitForFunction(() => document.getElementById('scan')!.textContent!.startsWith('series: '));
    await idle();
    expect(await text('scan')).toMatch(
      /^series: \d+ × \d+ × 4 voxels.*\. Left out: series\/export\.json, series\/phantom\.nii\.gz$/,
    );
    expect(await text('fault')).toBe('');
    expect(await text('model')).toMatch(/^model in the box \(organseg\): 13 organs/);
    expect(await text('plan')).toMatch(/^will take at most \d+ MiB of GPU memory/); // before anything is segmented
  });

  test('compressed slices are decoded, whatever by', async () => {
    const places = new Set<string>();
    await page.selectOption('#plane', 'axial');
    for (const syntax of Object.keys(COMPRESSED_FRAMES)) {
      const buffer = Buffer.from(await compressedSlice(syntax).read());
      expect(await choose('scan-input', { name: 'slice.dcm', buffer }), syntax).toBe('');
      await page.click('#slices');
      places.add(await text('place'));
    }
    expect([...places]).toEqual([expect.stringMatching(/ mm · -?\d+ HU$/)]); // the same values in all
    await page.selectOption('#plane', 'all planes');
  });

  test('a run in a packed zip segments a phantom; its label map and figures agree', async () => {
    const files = readdirSync(join(folder, 'run')).map(
      (name) => [`run/${name}`, readFileSync(join(folder, 'run', name))] as const,
    );
    const zip = Buffer.from(await zipOf(new Map(files), { level: 6 }));
    expect(await choose('scan-input', phantom())).toBe('');
    expect(await choose('zip-input', { name: 'run.zip', buffer: zip })).toBe('');
    expect(await text('model')).toContain('3 organs from CT');
    expect(await text('plan')).toMatch(
      /^will take at most \d+ MiB of GPU memory, and \d+ kB of the computer’s for the scan and its labels$/,
    );
    await segmented();
    const mibIn = async (id: string) => Number((await text(id)).match(/(\d+) MiB/)![1]);
    expect(await mibIn('summary')).toBeLessThanOrEqual(await mibIn('plan'));
    const scan = await readNiftiFile(phantom());
    const labels = await readLabelsFile(await saved('save-labels'));
    expect(labels.shape).toEqual(scan.shape);
    expect(labels.affine).toEqual(scan.affine);
    const counts = LABELS.map((_, label) => labels.data.filter((each) => each === label).length);
    expect(counts.filter(Boolean).length).toBeGreaterThan(1);
    const json = JSON.parse(readFileSync(await saved('save-json'), 'utf8'));
    expect(Object.keys(json)).toEqual(LABELS.slice(1));
    expect(Object.values<{ voxels: number }>(json).map(({ voxels }) => voxels)).toEqual(counts.slice(1));
    const csv = readFileSync(await saved('save-csv'), 'utf8').split('\n');
    expect(csv[0]).toBe('organ,label,voxels,volume_ml,mean_hu,probability,expected_dsc');
    expect(csv[3]).toMatch(new RegExp(`^"left ""odd"", kidney",3,${counts[3]},`));
    expect(
      readFileSync(await saved('save-png'))
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });

  test('a reference is compared by the evaluator’s code; one on another grid is told', async () => {
    const own = join(folder, 'test_000.nii.gz');
    expect(await choose('reference-input', own)).toBe('');
    expect(await text('comparison')).toBe('means: DSC 1.000, NSD 1.000');
    const other = join(folder, 'site/demo/phantom-reference.nii.gz');
    expect(await choose('reference-input', other)).toMatch(/^the scan has .* voxels, its reference .* has /);
  });

  test('two predictions side by side: what differs, organ by organ, and one crosshair', async () => {
    const others = ['background', 'Spleen', 'stomach', 'liver'];
    await writeRun(join(folder, 'other'), others, 4);
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    await segmented();
    const one = await readLabelsFile(await saved('save-labels'));
    await page.click('#keep-second');
    expect(await text('second')).toBe('kept that of run; now segment with another model');
    expect(await choose('folder-input', join(folder, 'other'))).toBe('');
    await segmented();
    const other = await readLabelsFile(await saved('save-labels'));
    // The second prediction is the one that was kept, its labels by name.
    const toOther = [0, 3, 1, 0];
    const kept = one.data.map((label) => toOther[label]!);
    const shown = other.data.map((label) => (others[label] === 'stomach' ? 0 : label));
    const count = (label: number, ...maps: Uint8Array[]) =>
      maps[0]!.filter((_, i) => maps.every((map) => map[i] === label)).length;
    const differ = kept.filter((label, i) => label !== shown[i]).length;
    expect(differ).toBeGreaterThan(0);
    const told = await text('second');
    expect(told).toContain(`they differ in ${differ.toLocaleString('en')} voxels`);
    expect(told).toContain('only other has them: stomach');
    expect(told).toContain('only run has them: left "odd", kidney');
    const rows = await page.$$eval('#second-organs tr', (all) =>
      all.map((row) => Array.from(row.children, (cell) => cell.textContent)),
    );
    const voxelMl = Math.abs(determinant(one.affine)) / 1000;
    const expected = [1, 3].map((label) => {
      const [first, second] = [count(label, shown), count(label, kept)];
      const dsc = first + second ? ((2 * count(label, shown, kept)) / (first + second)).toFixed(3) : '–';
      const mls = [first, second].map((n) => (n ? (n * voxelMl).toFixed(1) : '–'));
      return [others[label], ...mls, dsc];
    });
    expect(rows).toEqual(expected);
    await page.selectOption('#plane', 'axial');
    const clicked = async () => {
      const places = new Set<string>();
      for (const id of ['slices', 'second-slices']) {
        const { width, height } = (await page.locator(`#${id}`).boundingBox())!;
        for (const share of [0.4, 0.6]) {
          await page.click(`#${id}`, { position: { x: share * width, y: height / 2 } });
          places.add(await text('place'));
        }
      }
      return places;
    };
    const places = await clicked();
    expect(places.size).toBe(2); // the same two places, whichever slices are clicked
    for (let i = 0; i < 3; i++) await page.press('#second-slices', '+');
    const near = await clicked();
    expect(near.size).toBe(2); // both are magnified about the place that was clicked last
    expect([...near].filter((place) => places.has(place))).toEqual([...places].slice(1));
    await page.press('#slices', '0');
    expect(await clicked()).toEqual(places);
    const grid = await choose('second-input', join(folder, 'site/demo/phantom-reference.nii.gz'));
    expect(grid).toMatch(/^phantom-reference\.nii\.gz lies on another grid \(/);
    expect(await page.isHidden('#second-slices')).toBe(true);
  });

  test('labels are corrected with a pen, learnt from, and the learnt model is a run that can be taken back', async () => {
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    await segmented();
    const before = await readLabelsFile(await saved('save-labels'));
    expect(await page.isDisabled('#learn')).toBe(true);

    await page.click('#correct');
    expect(await choose('scan-input', phantom())).toMatch(/^Not done: labels were being corrected\. /);
    await page.selectOption('#pen-size', '1');
    await page.selectOption('#plane', 'axial');
    const { width, height } = (await page.locator('#slices').boundingBox())!;
    const dot = { position: { x: 0.4 * width, y: 0.45 * height } };
    const painted: { mm: number[]; label: number }[] = [];
    for (const label of [1, 2]) {
      await page.selectOption('#pen-organ', `${label}`);
      if (label === 1) await page.click('#slices', dot);
      else {
        for (const key of ['PageUp', 'ArrowLeft', 'p']) await page.press('#slices', key);
      }
      painted.push({ mm: (await text('place')).split(' mm')[0]!.split(', ').map(Number), label });
    }
    await page.selectOption('#pen-organ', '3');
    await page.press('#slices', 'p');
    await page.press('#slices', 'u'); // takes 3 back, so that 2 is there again
    await page.click('#pen-use');
    await idle();
    expect(await text('fault')).toBe('');
    const corrected = await readLabelsFile(await saved('save-labels'));
    // The file's axes are others than those in whose order NiiVue draws.
    const { affine, shape } = before;
    const places = painted.map(({ mm, label }) => {
      const [x, y, z] = apply(invert(affine), mm as unknown as Xyz).map(Math.round) as [
        number,
        number,
        number,
      ];
      return { index: x + shape[0] * (y + shape[1] * z), label };
    });
    for (const { index, label } of places) expect(corrected.data[index]).toBe(label);
    const elsewhere = (map: Uint8Array) => map.filter((_, i) => !places.some(({ index }) => index === i));
    expect(elsewhere(corrected.data)).toEqual(elsewhere(before.data));

    await page.fill('#cap', '1');
    await page.click('#learn');
    await idle();
    expect(await text('fault')).toMatch(/^learning needs \d+ MiB of GPU memory, 1 are allowed: allow more$/);
    await page.fill('#cap', '65536');
    await writeRun(join(folder, 'large'), LABELS, 3, { patch: [512, 512, 512] });
    expect(await choose('folder-input', join(folder, 'large'))).toBe('');
    expect(await text('plan')).toMatch(/^cannot be done on this GPU: its buffers are too small/);
    await page.click('#learn');
    await idle();
    expect(await text('fault')).toMatch(/^large: is too large to learn on this GPU \(/);
    await page.fill('#cap', '2048');
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    await page.fill('#steps', '1000');
    await page.click('#learn');
    await page.waitForFunction(() =>
      document.querySelector('#loss .mean')?.getAttribute('points')?.includes(' '),
    );
    await page.click('#cancel');
    await idle();
    expect(await text('status')).toBe('Cancelled.');
    expect(await text('model')).toMatch(/^run \(/);
    await page.fill('#steps', '10');
    await page.click('#learn');
    await idle();
    expect(await text('fault')).toBe('');
    expect(await text('learnt')).toMatch(/^run \(learnt\): loss [\d.]+ at first, [\d.]+ at last$/);
    expect(await text('model')).toMatch(/^run \(learnt\) \(organseg\)/);
    const { labelNames, weights } = await openModel(await saved('save-model'));
    expect(labelNames).toEqual(LABELS);
    const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(await weights[0]!.sha256()).not.toBe(sha256(join(folder, 'run/checkpoint-best.safetensors')));
    await page.click('#unlearn');
    await idle();
    expect(await text('model')).toMatch(/^run \(organseg\)/);
    expect((await readLabelsFile(await saved('save-labels'))).data).toEqual(corrected.data);
    await page.selectOption('#plane', 'all planes');
  });

  test('a plan learns a scan from a label map made elsewhere, from nothing, and becomes a run that predicts', async () => {
    await opened();
    const plan = Buffer.from(JSON.stringify(tinyConfig({ classes: 2, spacingMm: [5, 5, 5] })));
    expect(await choose('scan-input', { name: 'plan.json', buffer: plan })).toBe('');
    expect(await text('model')).toMatch(
      /^plan\.json \(a plan, which has learnt nothing yet\): 1 organ from CT, /,
    );
    const { scan, truth } = await writeBall(folder);
    expect(await choose('scan-input', scan)).toBe('');
    expect(await text('plan')).toMatch(/^learning will take about \d+ MiB of GPU memory$/);
    expect(await text('summary')).toBe('no labels yet');
    expect(await page.isDisabled('#learn')).toBe(true);
    await page.click('#segment');
    expect(await text('fault')).toMatch(/^plan\.json has learnt nothing yet\. Give the scan its labels, /);

    const other = join(folder, 'site/demo/phantom-reference.nii.gz');
    expect(await choose('labels-input', other)).toMatch(
      /^phantom-reference\.nii\.gz lies on another grid \(/,
    );
    await drop('teacher', truth);
    await page.waitForFunction(() => document.getElementById('summary')!.textContent!.includes('ball.nii'));
    await idle();
    expect(await text('fault')).toBe('');
    expect((await readLabelsFile(await saved('save-labels'))).data).toEqual(
      (await readLabelsFile(truth)).data,
    );
    await page.fill('#steps', '20');
    await page.click('#learn');
    await idle();
    expect(await text('fault')).toBe('');
    expect(await text('model')).toMatch(/^plan \(learnt\) \(organseg\): 1 organ from CT/);
    const [, first, last] = (await text('learnt')).match(
      /^plan \(learnt\): loss (.+) at first, (.+) at last$/,
    )!;
    expect(Number(last)).toBeLessThan(0.9 * Number(first));
    const shown = await readLabelsFile(await saved('save-labels'));

    const model = await openModel(await saved('save-model'));
    expect(model).toMatchObject({ labelNames: ['background', 'label 1'], channelNames: ['CT'] });
    const gpu = await openGpu();
    const predictor = await Predictor.open({ gpu, reopen: openGpu }, model, { dtype: 'f32' });
    const predicted = await predictFile(predictor, scan);
    if ('fault' in predicted) throw new Error(predicted.fault);
    const differing = shown.data.filter((label, i) => label !== predicted.labels.data[i]).length;
    expect(differing / shown.data.length).toBeLessThan(1e-3); // another driver computes
    predictor.close();
    gpu.close();

    await page.click('#unlearn');
    await idle();
    expect(await text('model')).toMatch(/^plan\.json \(a plan, /);
  });

  test('a cancelled segmentation says so, and the next one is done', async () => {
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    await page.evaluate(() => {
      document.getElementById('segment')!.click();
      document.getElementById('cancel')!.click();
    });
    await idle();
    expect(await text('status')).toBe('Cancelled.');
    await page.press('#slices', 'PageUp');
    expect(await text('place')).toMatch(/ mm · -?\d+ HU/); // of the voxels that were given back
    await segmented();
  });

  test.each([
    ['compiles', 'GPUDevice', 'createComputePipelineAsync'],
    ['computes', 'GPUQueue', 'onSubmittedWorkDone'],
  ] as const)(
    'what is cancelled while the driver %s is cancelled before it has, and the page goes on',
    async (_, owner, method) => {
      await opened();
      const [own] = page.workers();
      // What the driver is asked for ends when it is let.
      await own!.evaluate(
        ({ owner, method }) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          const asked = (globalThis as unknown as Record<string, { prototype: object }>)[owner]!.prototype;
          const methods = asked as Record<string, (...args: unknown[]) => Promise<unknown>>;
          const ask = methods[method]!;
          Object.assign(globalThis, { begun: 0, letEnd: resolve });
          methods[method] = async function (...args) {
            (globalThis as unknown as { begun: number }).begun++;
            await promise;
            return ask.apply(this, args);
          };
        },
        { owner, method },
      );
      expect(await choose('folder-input', join(folder, 'run'))).toBe('');
      expect(await choose('scan-input', phantom())).toBe('');
      await page.click('#segment');
      const begun = () => own!.evaluate(() => (globalThis as unknown as { begun: number }).begun);
      while (!(await begun())) await page.waitForTimeout(50);
      await drop('slices', phantom());
      await page.waitForSelector(
        '#fault:text("Not done: the page was at work. Wait, or cancel, then try again.")',
      );
      await page.click('#cancel');
      await idle();
      expect(await text('status')).toBe('Cancelled.');
      await own!.evaluate(() => (globalThis as unknown as { letEnd(): void }).letEnd());
      await segmented();
    },
  );

  test('a page in the background goes on: its title tells how far it is, and its status what that costs', async () => {
    await opened();
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    const title = await page.title();
    const hide = (hidden: boolean) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await hide(true);
    // All that is told while it segments; what was told last may come and go between two looks.
    await page.evaluate(() => {
      const told: string[] = Object.assign(globalThis, { told: [] as string[] }).told;
      const look = () => told.push(`${document.title} | ${document.getElementById('status')!.textContent}`);
      new MutationObserver(look).observe(document.getElementById('status')!, { childList: true });
    });
    await segmented();
    const told = await page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
    expect(told).toContainEqual(expect.stringMatching(/^\d+ % · .* \| .*leave this one in front/));
    expect(await page.title()).toBe(`ended · ${title}`);
    await hide(false);
    expect(await page.title()).toBe(title);
  });

  test('the GPU is given each volume once, and the page answers until it has drawn it', async () => {
    await opened();
    // Counts the bytes of volumes, and has the GPU done with them when it is let.
    await page.evaluate(() => {
      const counts = Object.assign(globalThis, { bytes: 0, pictures: 0, isLet: true });
      const { texSubImage3D, clientWaitSync, drawArrays } = WebGL2RenderingContext.prototype;
      Object.assign(WebGL2RenderingContext.prototype, {
        texSubImage3D(this: WebGL2RenderingContext, ...args: Parameters<typeof texSubImage3D>) {
          counts.bytes += (args.at(-1) as unknown as ArrayBufferView).byteLength;
          texSubImage3D.apply(this, args);
        },
        clientWaitSync(this: WebGL2RenderingContext, ...args: Parameters<typeof clientWaitSync>) {
          return counts.isLet ? clientWaitSync.apply(this, args) : this.TIMEOUT_EXPIRED;
        },
        drawArrays(this: WebGL2RenderingContext, ...args: Parameters<typeof drawArrays>) {
          if (!this.getParameter(this.FRAMEBUFFER_BINDING)) counts.pictures++;
          drawArrays.apply(this, args);
        },
      });
    });
    interface Counts {
      bytes: number;
      pictures: number;
      isLet: boolean;
    }
    /** The bytes and pictures since the last call. */
    const counted = (isLet = true) =>
      page.evaluate((isLet) => {
        const counts = globalThis as unknown as Counts;
        const { bytes, pictures } = counts;
        Object.assign(counts, { bytes: 0, pictures: 0, isLet });
        return { bytes, pictures };
      }, isLet);
    const { data } = await readNiftiFile(phantom());
    const [scan, labels] = [data.byteLength, data.length];
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    await counted(false);
    await page.setInputFiles('#scan-input', phantom());
    await page.waitForSelector('#status:text("drawing…")');
    const given = async () => (await page.evaluate(() => (globalThis as unknown as Counts).bytes)) > scan;
    while (!(await given())) await page.waitForTimeout(50);
    expect((await counted()).pictures).toBe(0);
    await idle();
    expect((await counted()).pictures).toBeGreaterThan(0);

    await segmented();
    expect((await counted()).bytes / labels).toBeCloseTo(2, 1); // in slices and in 3D
    await page.press('#slices', 'o');
    await page.waitForFunction((labels) => (globalThis as unknown as Counts).bytes >= labels, labels);
    expect((await counted()).bytes / labels).toBeCloseTo(1, 1);
    await page.selectOption('#window', 'bone');
    await page.waitForFunction((scan) => (globalThis as unknown as Counts).bytes >= scan, scan);
    expect((await counted()).bytes / scan).toBeCloseTo(1, 1);
  });

  test('a GPU that was lost is opened again; pictures that were lost are told', async () => {
    await opened();
    const [own] = page.workers();
    await own!.evaluate(() => {
      const { createBuffer } = GPUDevice.prototype;
      GPUDevice.prototype.createBuffer = function (descriptor) {
        Object.assign(globalThis, { lose: () => this.destroy() });
        return createBuffer.call(this, descriptor);
      };
    });
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    await segmented();
    const before = await readLabelsFile(await saved('save-labels'));
    await own!.evaluate(() => (globalThis as unknown as { lose(): void }).lose());
    await segmented();
    expect((await readLabelsFile(await saved('save-labels'))).data).toEqual(before.data);

    await page.evaluate(() => {
      const slices = document.getElementById('slices') as HTMLCanvasElement;
      slices.getContext('webgl2')!.getExtension('WEBGL_lose_context')!.loseContext();
    });
    await page.waitForSelector('#fault:has-text("The GPU was lost, and the pictures with it.")');
    expect((await readLabelsFile(await saved('save-labels'))).data).toEqual(before.data);
    await opened();
  });

  test('a full storage is told, and keeps nothing of a model', async () => {
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    const session = await context.newCDPSession(page);
    const quota = (quotaSize?: number) =>
      session.send('Storage.overrideQuotaForOrigin', { origin, ...(quotaSize && { quotaSize }) });
    await quota(10_000);
    await page.click('#keep');
    await idle();
    expect(await text('fault')).toBe('the browser gives no more room; delete a kept model, or keep none');
    expect(await page.isHidden('#kept')).toBe(true);
    await quota();
  });

  test('without WebGPU and WebGL the page says what it needs, and goes on', async () => {
    const poor = await launchChromium('none');
    onTestFinished(() => poor.close());
    const other = await poor.newPage({ baseURL: `${origin}/some/where/` });
    other.setDefaultTimeout(LONGEST_MS);
    await other.addInitScript(() => {
      HTMLCanvasElement.prototype.getContext = () => null; // Chromium has WebGL by software even here
    });
    await other.goto('./');
    await other.waitForSelector('body[data-ready]');
    const told = (id: string) => other.textContent(`#${id}`);
    const fault = /^no WebGPU adapter found: .* Segmenting needs WebGPU: Chrome or Edge 114, /;
    expect(await told('fault')).toMatch(fault);
    expect(await told('place')).toMatch(/^No pictures can be drawn, the page needs WebGL 2: /);
    await other.setInputFiles('#scan-input', phantom());
    await other.waitForSelector('#scan:has-text("test_000: ")');
    await other.waitForSelector('#cancel', { state: 'hidden' });
    await other.click('#segment');
    await other.waitForSelector('#cancel', { state: 'hidden' });
    expect(await told('fault')).toMatch(fault);
  });

  test('a model is kept in the browser over a reload, opened from there, and deleted', async () => {
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    await page.click('#keep');
    await idle();
    expect(await text('kept-list')).toMatch(/^run, \d+ kB/);
    await opened();
    await page.click('[aria-label="Open run"]');
    await idle();
    expect(await text('model')).toContain('run (organseg)');
    await page.click('[aria-label="Delete run"]');
    await idle();
    expect(await page.isHidden('#kept')).toBe(true);
  });

  test('axe finds nothing, in light and dark, on a desk and a phone', async () => {
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    expect(await choose('scan-input', phantom())).toBe('');
    await segmented();
    expect(await choose('second-input', await saved('save-labels'))).toBe('');
    expect(await text('second')).toBe('they differ in 0 voxels, 0.0 ml'); // the file names its organs
    expect(await choose('reference-input', join(folder, 'test_000.nii.gz'))).toBe('');
    await page.evaluate(AXE);
    const faults = () =>
      page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
        };
        const { violations } = await axe.run();
        const { scrollWidth, clientWidth } = document.documentElement;
        return [
          ...violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`),
          ...(scrollWidth > clientWidth ? ['the page is wider than the screen'] : []),
        ];
      });
    for (const colorScheme of ['light', 'dark'] as const)
      for (const viewport of [
        { width: 1280, height: 800 },
        { width: 360, height: 740 },
      ]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        expect(await faults(), `${colorScheme} ${viewport.width}`).toEqual([]);
      }
    await page.click('#correct');
    expect(await faults(), 'while labels are corrected').toEqual([]);
    await page.click('#pen-discard');
    await idle();
    expect(await page.isVisible('#second-organs')).toBe(true); // what was compared is again
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test('ten segmentations leave no more in memory than two', async () => {
    await opened();
    await page.setViewportSize({ width: 320, height: 320 }); // pictures are not what is measured
    const readMemory = await memoryOf(page);
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    const after: PageMemory[] = [];
    for (const runs of [2, 8]) {
      for (let run = 0; run < runs; run++) {
        expect(await choose('scan-input', phantom())).toBe('');
        await segmented();
      }
      after.push(await readMemory());
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    const [two, ten] = after as [PageMemory, PageMemory];
    expect(ten.gpu).toBe(two.gpu);
    for (const part of ['page', 'worker'] as const) {
      expect(ten[part].arrays - two[part].arrays).toBeLessThan(1e3); // a line of text counts as one; a scan has 100 times that
      expect(ten[part].objects - two[part].objects).toBeLessThan(1e6);
    }
  });

  test('a scan that is segmented anew takes at most twice itself in arrays of the page and its worker', async () => {
    await opened();
    await page.setViewportSize({ width: 320, height: 320 }); // pictures are not what is measured
    const readMemory = await memoryOf(page);
    const arrays = async () => {
      const { page, worker } = await readMemory();
      return page.arrays + worker.arrays;
    };
    expect(await choose('folder-input', join(folder, 'run'))).toBe('');
    const before = await arrays();
    const path = join(folder, 'large_0000.nii.gz');
    const bytes = await writeLargeScan(path);
    // Counts the bytes of volumes that the GPU is given, and the most at once.
    await page.evaluate(() => {
      const given = Object.assign(globalThis, { given: { all: 0, most: 0 } }).given;
      const count = (bytes: number) => {
        given.all += bytes;
        given.most = Math.max(given.most, bytes);
      };
      const { bufferSubData, texSubImage3D } = WebGL2RenderingContext.prototype;
      Object.assign(WebGL2RenderingContext.prototype, {
        bufferSubData(this: WebGL2RenderingContext, ...args: Parameters<typeof bufferSubData>) {
          count(args[4]!);
          bufferSubData.apply(this, args);
        },
        texSubImage3D(this: WebGL2RenderingContext, ...args: Parameters<typeof texSubImage3D>) {
          count((args.at(-1) as unknown as Partial<ArrayBufferView> | null)?.byteLength ?? 0);
          texSubImage3D.apply(this, args);
        },
      });
    });
    expect(await choose('scan-input', path)).toBe('');
    const { all, most: mostGiven } = await page.evaluate(
      () => (globalThis as unknown as { given: { all: number; most: number } }).given,
    );
    expect(all).toBeGreaterThanOrEqual(bytes);
    expect(mostGiven).toBeLessThan(bytes); // the page answers between two portions
    await segmented();
    const first = await readLabelsFile(await saved('save-labels'));
    await page.click('#segment'); // with labels shown that may not be lost
    let most = 0;
    do most = Math.max(most, await arrays());
    while (await page.isVisible('#cancel'));
    expect(await text('status')).toBe('Done.');
    expect((await readLabelsFile(await saved('save-labels'))).data).toEqual(first.data);
    expect((most - before) / bytes).toBeLessThan(2);
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  test.skipIf(!reference)(
    'nnU-Net’s model dropped as a folder: every label is the one of nnU-Net’s networks in f32',
    async () => {
      expect(await choose('scan-input', join(reference!, 'input.nii.gz'))).toBe('');
      expect(await choose('folder-input', reference!)).toBe('');
      await segmented();
      const made = await readLabelsFile(await saved('save-labels'));
      const expected = await readLabelsFile(join(reference!, 'expected_labels_f32.nii.gz'));
      expect(made.data.filter((label, i) => label !== expected.data[i]).length).toBe(0);

      await page.click('#correct');
      for (const key of ['PageUp', 'p']) await page.press('#slices', key);
      await page.click('#pen-use');
      await idle();
      await page.fill('#steps', '10');
      await page.click('#learn');
      await idle();
      expect(await text('status')).toBe('Done.');
      expect(await text('learnt')).toMatch(
        /^plain3d \(learnt\): loss .*; plain3d: averages 2 networks; started from /,
      );
      const before = await openModel(reference!);
      const learnt = await openModel(await saved('save-model'));
      expect(learnt.labelNames).toEqual(before.labelNames);
      expect(learnt.preprocessing).toEqual(before.preprocessing);
      await page.click('#unlearn');
      await idle();
      expect(await text('model')).toMatch(/^plain3d \(nnU-Net, 2 networks averaged\)/);

      expect(await choose('folder-input', golden('nnunet/aniso3d')!)).toBe('');
      expect(await text('learning')).toBe(
        'Correct these labels with a pen, or drop a label map made elsewhere here. aniso3d: transposes scans by [2,0,1], and cannot be fine-tuned.',
      );
      expect(await page.isDisabled('#learn')).toBe(true);
    },
  );

  test('opens without a network after the first visit, and shows the phantom', async () => {
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await context.setOffline(true);
    await page.goto('./index.html');
    await opened();
    await page.click('#demo');
    await idle();
    expect(await text('scan')).toMatch(/^phantom: \d+ × \d+ × \d+ voxels/);
    await context.setOffline(false);
  });

  test('no request left the site in all this, nor may one; nothing complained', async () => {
    expect(requests.length).toBeGreaterThan(5);
    const foreign = requests.filter(
      (url) => !/^(blob|data):/.test(url) && !url.startsWith(`${origin}/some/where/`),
    );
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
    const refused = page.evaluate(() => fetch('http://127.0.0.1:9/').catch(({ message }) => message));
    expect(await refused).toBe('Failed to fetch');
    expect(complaints.join()).toContain('Content Security Policy');
  });
});
