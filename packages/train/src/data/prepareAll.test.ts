/** The cases of a run prepared, by itself or by others: which of them are handed on, and what is told. */
import { join } from 'node:path';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder, tinyConfig } from '../../test/fixture.ts';
import { CaseStore, type PrepareJob, type StoredCase } from './caseStore.ts';
import { prepareAll } from './prepareAll.ts';
import { preparedFor } from './prepareImage.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

test('eight images that are not there yet are made by others, once each; fewer are not handed on', async () => {
  const folder = temporaryFolder();
  const affine = scaleAndShift([10, 10, 10], [0, 0, 0]);
  const cases = await Promise.all(
    Array.from({ length: 9 }, async (_, i): Promise<StoredCase> => {
      const image = join(folder, `${i}_0000.nii.gz`);
      const data = Int16Array.from({ length: 64 }, (_, at) => at - i);
      await writeNiftiFile(image, { shape: [4, 4, 4], affine, data });
      return { name: `${i}`, image };
    }),
  );
  const all = [...cases, { ...cases[0]! }]; // an image that two cases share
  const wanted = preparedFor(tinyConfig(), ['CT']);
  const storeIn = (name: string) => new CaseStore(gpu, join(folder, name), wanted, 2);
  const told: number[] = [];
  const handedOn: string[][] = [];
  const hooks = {
    prepareCases: async (jobs: readonly PrepareJob[], onDone: () => void) => {
      handedOn.push(jobs.map(({ source }) => source.name));
      for (const { source, folder, wanted, classes } of jobs) {
        await new CaseStore(gpu, folder, wanted, classes).prepare(source);
        onDone();
      }
    },
    onPrepare: (done: number) => told.push(done),
  };
  const store = storeIn('prepared');
  await store.prepare(cases[4]!);
  const sizes = await prepareAll(all, store, hooks);
  expect(handedOn).toEqual([['0', '1', '2', '3', '5', '6', '7', '8']]);
  expect(told).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  expect([...sizes.keys()]).toEqual(all);
  expect(store.records.size).toBe(9);

  told.length = 0;
  expect(await prepareAll(cases.slice(2), storeIn('few'), hooks)).toEqual(new Map([...sizes].slice(2, 9)));
  expect(handedOn).toHaveLength(1);
  expect(told).toEqual([1, 2, 3, 4, 5, 6, 7]);
});
