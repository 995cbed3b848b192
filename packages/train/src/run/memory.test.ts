/** The memory that a run is told to take, against what it takes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@organseg/files/dataset.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig, writePhantoms } from '../../test/fixture.ts';
import type { Config } from '../config/schema.ts';
import { CaseStore } from '../data/caseStore.ts';
import { preparedFor } from '../data/prepareImage.ts';
import { assertFits, trainingPeakBytes } from './memory.ts';
import { readRun } from './runFolder.ts';
import { startRun } from './startRun.ts';

const MIB = 2 ** 20;
const often = { probability: 1 };

describe('GPU memory', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  const config = (changes: Partial<Config> = {}) => {
    return tinyConfig({
      initial: { epochs: 2, learningRate: 1e-3, augment: true },
      validateEverySteps: 1,
      validationShare: 0.5,
      augmentations: [
        { kind: 'mirror', x: 1, y: 0, z: 0 },
        { kind: 'smooth', ...often, sigmaVoxels: [0.5, 1.15] },
        { kind: 'noise', ...often, mean: [0, 0.1], std: [0, 0.1] },
      ],
      ...changes,
    });
  };

  test.each([
    ['DynUNet', 'f32', [16, 16, 16]],
    ['DynUNet', 'f16', [8, 16, 24]],
    ['ResidualEncoderUNet', 'f32', [8, 16, 16]],
  ] as const)(
    'predicted for a %s in %s is what the run then held, within 5 %%',
    async (architecture, precision, patch) => {
      const folder = temporaryFolder();
      const [data, out] = [join(folder, 'data'), join(folder, 'run')];
      await writePhantoms(data, { labelled: 4, unlabelled: 0, test: 0 });
      const result = await startRun(gpu, {
        data,
        out,
        config: config({ architecture, precision, patch: [...patch] }),
      });

      const run = await readRun(out);
      const { labelled } = await openDataset(data);
      const store = new CaseStore(
        gpu,
        join(out, 'prepared'),
        preparedFor(run.config, run.channelNames),
        run.config.classes,
      );
      const validated = labelled.filter(({ name }) => run.validationCases.includes(name));
      const sizes = await Promise.all(validated.map((source) => store.prepare(source)));
      expect(sizes).toHaveLength(2);
      const size = sizes.reduce((a, b) => (elementCount(b) > elementCount(a) ? b : a));
      const before = gpu.arena.account;
      const predicted = await trainingPeakBytes(gpu, run.config, 'initial', size);
      expect(gpu.arena.account).toEqual(before);
      expect(result.peakGpuBytes / predicted).toBeGreaterThan(0.95);
      expect(result.peakGpuBytes / predicted).toBeLessThan(1.05);
    },
  );

  test('a run beyond the cap is refused with the largest batch and patch that fit, before its folder is made', async () => {
    const large = config({ batch: 3, patch: [32, 32, 32] });
    const size: Dhw = [32, 32, 32];
    const needed = await trainingPeakBytes(gpu, large, 'initial', size);
    const two = await trainingPeakBytes(gpu, { ...large, batch: 2 }, 'initial', size);
    const smaller: Config = { ...large, patch: [30, 30, 30] };
    expect(two).toBeLessThan(needed);

    const capped = await openGpu({ memoryCapBytes: two });
    const settings = 'batch=3 patch=[32,32,32] precision=f32, validated on [32,32,32] voxels';
    const message = `training with ${settings}, does not fit: `;
    const refusal = await assertFits(capped, large, 'initial', size).catch((error: Error) => error.message);
    expect(refusal).toContain(message);
    expect(refusal).toMatch(/the cap is \d+; batch=2 or patch=\[\d+,\d+,\d+\] would$/);
    const patch = JSON.parse(/patch=(\[\d+,\d+,\d+\]) would/.exec(refusal!)![1]!) as Config['patch'];
    await assertFits(capped, { ...large, patch }, 'initial', size);
    await assertFits(capped, { ...large, batch: 2 }, 'initial', size);

    const folder = temporaryFolder();
    const [data, out] = [join(folder, 'data'), join(folder, 'run')];
    await writePhantoms(data, { labelled: 2, unlabelled: 0, test: 0 });
    await expect(startRun(capped, { data, out, config: large })).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
    capped.close();

    const tiny = await openGpu({ memoryCapBytes: MIB / 8 });
    await expect(assertFits(tiny, smaller, 'initial', size)).rejects.toThrow(
      'nor does any smaller batch or patch',
    );
    tiny.close();
  });
});
