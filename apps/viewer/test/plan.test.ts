/** What the worker tells of a plan that is dropped in place of a model. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import { openModelFiles } from '@organseg/train/imported/openModelFiles.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tellPlan } from '../src/worker/droppedPlan.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

async function told(name: string, value: object): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-dropped-'));
  try {
    writeFileSync(join(folder, name), JSON.stringify(value));
    await tellPlan(await openModelFiles(folder), async () => gpu);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a plan says what it is and what it takes, and how it becomes a model', async () => {
  const config = { ...PRESETS.small, batch: 2, patch: [16, 32, 32], spacingMm: [1, 1, 3] };
  await expect(told('plan.json', config)).rejects.toThrow(
    /^plan\.json: a plan: DynUNet of \d stages, 2 patches of 16 × 32 × 32 voxels \(z, y, x\) at 1 × 1 × 3 mm \(x, y, z\); training by it takes \d+ MiB of GPU memory\. It has no weights: organseg train --data DIR --config plan\.json --out RUN /,
  );
  await expect(told('dataset.json', { labels: { background: 0 } })).resolves.toBeUndefined();
});
