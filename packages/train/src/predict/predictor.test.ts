/** Predictions by a trained run: within a cap of memory, and on another device where one is lost. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CasePlan } from '@organseg/core/inference/memoryPlan.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { headChannels } from '@organseg/core/network/networkConfig.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { readNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ownerOf, tinyConfig, writePhantoms } from '../../test/fixture.ts';
import { networkConfig } from '../config/networkSettings.ts';
import { saveBest } from '../run/checkpoint.ts';
import { startRun } from '../run/startRun.ts';
import { openModel } from './openModel.ts';
import { predictFile } from './predictFile.ts';
import { caseScan, Predictor, type PredictorOptions } from './predictor.ts';

const MIB = 2 ** 20;

describe('a predictor', () => {
  let gpu: Gpu;
  let folder: string;
  let run: string;
  let scan: Volume<Int16Array>;

  beforeAll(async () => {
    gpu = await openGpu();
    folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    run = join(folder, 'run');
    const data = join(folder, 'data');
    await writePhantoms(data, { labelled: 2, unlabelled: 0, test: 0 });
    const config = tinyConfig({ initial: { epochs: 4, learningRate: 1e-2, augment: false } });
    await startRun(gpu, { data, out: run, config });
    scan = (await readNiftiFile(join(data, 'imagesTr/labelled_000_0000.nii.gz'))) as Volume<Int16Array>;
  });
  afterAll(() => {
    gpu.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function predicted(
    options: PredictorOptions,
    device = gpu,
    folders: string | string[] = run,
    onPlan?: (plan: CasePlan) => void,
  ) {
    const predictor = await Predictor.open(ownerOf(device), await openModel(folders), options);
    try {
      return await predictor.predict(caseScan(scan), { onPlan });
    } finally {
      predictor.close();
    }
  }

  /** A device of its own, closed after the test. */
  async function opened(memoryCapBytes?: number): Promise<Gpu> {
    const device = await openGpu(memoryCapBytes === undefined ? {} : { memoryCapBytes });
    onTestFinished(() => device.close());
    return device;
  }

  const ones = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b)).fill(1);

  const differing = (a: Uint8Array, b: Uint8Array) => a.filter((label, i) => label !== b[i]).length;

  test('needs no more than it planned, and within a smaller cap says the same', async () => {
    const spacingMm = [5.5, 5.5, 5.5] as const;
    const whole = await predicted({ spacingMm }, await opened());
    const { plannedGpuBytes, peakGpuBytes } = whole.report;
    expect(peakGpuBytes).toBeLessThanOrEqual(plannedGpuBytes);
    expect(peakGpuBytes).toBeGreaterThan(0.8 * plannedGpuBytes - MIB);
    const memoryCapBytes = 0.55 * plannedGpuBytes;
    const tight = await predicted({ spacingMm, memoryCapBytes }, await opened(memoryCapBytes));
    expect(tight.report.peakGpuBytes).toBeLessThanOrEqual(memoryCapBytes);
    expect(tight.report.peakGpuBytes).toBeLessThanOrEqual(tight.report.plannedGpuBytes);
    expect(tight.report.strips).toBeGreaterThan(1);
    expect(tight.report.retries).toEqual([]);
    expect(tight.voxels.reduce((a, b) => a + b)).toBe(whole.voxels.reduce((a, b) => a + b));
    // Logits in f16 may tie.
    const { data } = whole.labels;
    expect(differing(data, tight.labels.data)).toBeLessThan(data.length / 1000);
    expect(new Set(data).size).toBeGreaterThan(1);
  });

  test('within a cap that is a byte too small computes the logits of few classes at once, to the same labels', async () => {
    const within = async (memoryCapBytes: number, folders: string | string[]) => {
      let plan: CasePlan | undefined;
      const made = await predicted({ memoryCapBytes }, await opened(memoryCapBytes), folders, (each) => {
        plan = each;
      });
      expect(made.report.peakGpuBytes).toBeLessThanOrEqual(made.report.plannedGpuBytes);
      return { ...made, plan: plan! };
    };
    for (const folders of [run, [run, run]]) {
      const whole = await within(256 * MIB, folders);
      const network = networkConfig(tinyConfig());
      expect(whole.plan).toMatchObject({
        strips: 1,
        logits: 'f32',
        batch: 1,
        classesAtOnce: network.classes,
      });
      const few = await within(whole.plan.peakBytes - 1, folders);
      expect(few.plan).toMatchObject({ strips: 1, logits: 'f32', classesAtOnce: headChannels(network) });
      expect(few.report.classesAtOnce).toBe(few.plan.classesAtOnce);
      expect(differing(few.labels.data, whole.labels.data)).toBe(0);
    }
  });

  test('says the smallest cap that could hold one window, and that one can', async () => {
    const error = await predicted({ memoryCapBytes: MIB }).catch((fault: Error) => fault);
    const [, smallest] = /^1 MiB of GPU memory cannot hold one window; (\d+) MiB can$/.exec(
      (error as Error).message,
    )!;
    const memoryCapBytes = Number(smallest) * MIB;
    await predicted({ memoryCapBytes, spacingMm: [20, 20, 20] }, await opened(memoryCapBytes));
  });

  test('out of memory in the driver: one window at a time, then 2 mm, and the report says so', async () => {
    const spacingMm = [1.5, 1.5, 1.5] as const;
    const cut = { ...scan, shape: [9, 9, 6] as const, data: scan.data.slice(-9 * 9 * 6) };
    const retries: string[] = [];
    // The driver has less than the cap that is planned with: here another cap plays its part.
    const attempt = async (driverBytes: number) => {
      const predictor = await Predictor.open(ownerOf(await opened(driverBytes)), await openModel(run), {
        spacingMm,
        windowStep: 1,
        onRetry: (why) => retries.push(why),
      });
      return (await predictor.predict(caseScan(cut))).report;
    };
    const plenty = await attempt(2 ** 30);
    expect(plenty).toMatchObject({ fallback: null, retries: [], strips: 1 });
    const reduced = await attempt(0.7 * plenty.peakGpuBytes);
    expect(reduced).toMatchObject({ spacingMm, batch: 1, fallback: null });
    expect(reduced.retries).toHaveLength(1);
    const least = await attempt(0.4 * plenty.peakGpuBytes);
    expect(least.spacingMm).toEqual([2, 2, 2]);
    expect(least.fallback).toMatch(/bytes of GPU memory needed, the cap is/);
    expect(retries).toHaveLength(3);
  });

  test('a lost device: the case is done on another, with the weights as they were, whatever took their place', async () => {
    const first = await opened();
    const second = await opened();
    const copy = join(folder, 'copy');
    cpSync(run, copy, { recursive: true });
    const predictor = await Predictor.open(ownerOf(first, second), await openModel(copy));
    const { specs } = networkLayout(predictor.model.network);
    await saveBest(copy, specs, new Map(specs.map(({ name, shape }) => [name, ones(shape)])));
    let isLost = false;
    const { report, labels } = await predictor.predict(caseScan(scan), {
      onShare: () => {
        if (!isLost) first.device.destroy();
        isLost = true;
      },
    });
    predictor.close();
    expect(report.retries).toHaveLength(1);
    expect(report.retries[0]).toMatch(/device/);
    expect(differing(labels.data, (await predicted({})).labels.data)).toBeLessThan(labels.data.length / 1000);
  });

  test('a scan that loses every device fails alone: the next one is segmented', async () => {
    const owner = ownerOf(await opened(), await opened(), await opened());
    const predictor = await Predictor.open(owner, await openModel(run));
    const path = join(folder, 'data/imagesTr/labelled_000_0000.nii.gz');
    const lost = await predictFile(predictor, path, () => owner.gpu.device.destroy());
    const next = await predictFile(predictor, path);
    predictor.close();
    expect(lost).toEqual({ fault: expect.stringMatching(`^${path}: .*device`) });
    expect(next).toMatchObject({ report: { retries: [] } });
  });

  test('mirrored windows and a model averaged with itself; labels instead of logits back on the scan’s grid', async () => {
    const plain = await predicted({});
    const twice = await predicted({}, await opened(), [run, run]);
    expect(twice.report.peakGpuBytes).toBeLessThanOrEqual(twice.report.plannedGpuBytes);
    expect(differing(plain.labels.data, twice.labels.data)).toBe(0);
    const mirrored = await predicted({ mirror: ['x'] });
    expect(differing(plain.labels.data, mirrored.labels.data)).toBeGreaterThan(0);
    const blocky = await predicted({ resample: 'labels' });
    expect(blocky.voxels).toEqual(plain.voxels);
    expect(differing(plain.labels.data, blocky.labels.data)).toBeGreaterThan(0);
  });
});
