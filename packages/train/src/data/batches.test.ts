/** Batches that threads cut, and faults in the threads. */
import { rmSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { expect, test } from 'vitest';
import { temporaryFolder, tinyConfig, writePrepared } from '../../test/fixture.ts';
import { Batches } from './batches.ts';
import type { PreparedPaths } from './openPreparedCase.ts';
import { PatchPool } from './patchPool.ts';

/** Three prepared cases of noise. */
function cases(): PreparedPaths[] {
  const folder = temporaryFolder();
  const random = new Random(9);
  return ['a', 'b', 'c'].map((name) => {
    const image = Float32Array.from({ length: 8000 }, () => random.uniform());
    const labels = Uint8Array.from({ length: 8000 }, () => (random.chance(0.1) ? 4 : 0));
    return writePrepared(folder, name, { size: [20, 20, 20], image, labels });
  });
}

const config = tinyConfig({ patch: [8, 8, 8], batch: 2, patchesPerImage: 2 });
const EPOCHS = config.initial.epochs;
const COUNTS = { labelled: 2, pseudo: 1, unlabelled: 0 };

test('which patch comes where depends on the place alone, not on what was taken before', async () => {
  const prepared = cases();
  const opened = () => new Batches(config, 'initial', prepared, COUNTS, new Random(1), new PatchPool());
  const inOrder = opened();
  expect(inOrder.perEpoch).toBe(3);
  const all = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++)
    for (let step = 0; step < 3; step++) all.push(await inOrder.take(epoch, step));
  await inOrder.close();

  const resumed = opened();
  for (let at = 4; at < 9; at++) {
    const items = await resumed.take(Math.floor(at / 3), at % 3);
    expect(items).toEqual(all[at]);
  }
  await resumed.close();
  const images = new Set(all.flat().map(({ image }) => image.join()));
  expect(images.size).toBe(18);
});

test('a case that vanished is named when its patch is due', async () => {
  const prepared = cases();
  for (const { image } of prepared) rmSync(image);
  const batches = new Batches(config, 'initial', prepared, COUNTS, new Random(1), new PatchPool());
  const fault = await batches.take(0, 0).catch((error: unknown) => error);
  await batches.close();
  expect(fault).toBeInstanceOf(InputError);
  expect((fault as Error).message).toMatch(/image\.safetensors: no such file/);
});

test('a fault of the program in a thread is no fault of the input, and says where it came from', async () => {
  const [paths] = cases();
  const pool = new PatchPool();
  const request = {
    paths: paths!,
    patch: [8, 8, 8],
    centre: 'anywhere',
    random: new Random(1).state,
  } as const;
  const fault = await pool.sample({ ...request, size: [-8, 8, 8] }).catch((error: unknown) => error);
  await pool.close();
  expect(fault).toBeInstanceOf(Error);
  expect(fault).not.toBeInstanceOf(InputError);
  expect((fault as Error).stack).toContain('preparedCase.ts');
});
