/** The owner of a command's GPU: what it takes in place of a device that was lost. */
import type { OpenOptions } from '@organseg/kernels/open/dawn.ts';
import { expect, test } from 'vitest';
import { OwnedGpu } from './withGpu.ts';

test('a lost device is replaced by one of the same adapter, and of no other', async () => {
  const options: OpenOptions = {};
  const owner = await OwnedGpu.open(options);
  const { name } = owner.gpu.adapter;
  expect((await owner.reopen()).adapter.name).toBe(name);
  options.backend = 'null'; // all that is left
  await expect(owner.reopen()).rejects.toThrow(`the GPU device was lost, and its adapter ${name} is gone; `);
  owner.close();
});
