/** The channels of scans: which of them are judged as CT. */
import { join } from 'node:path';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../train/test/fixture.ts';
import { readChannels } from './channels.ts';
import { writeNiftiFile } from './nifti.ts';

test.each([
  ['CT', ['values']],
  ['cect', ['values']],
  ['CT (portal venous)', ['values']],
  ['T1', []],
  ['PET/MR', []],
  ['reCTum', []],
])('of a scan whose values are no HU, the channel %s is doubted for %j', async (name, doubted) => {
  const path = join(temporaryFolder(), 'a_0000.nii.gz');
  const affine = scaleAndShift([1, 1, 1], [0, 0, 0]);
  const data = Float32Array.from({ length: 8 ** 3 }, (_, i) => (i % 7) / 7);
  await writeNiftiFile(path, { shape: [8, 8, 8], affine, data });
  const [{ doubts }] = await readChannels([path], [name]);
  expect(doubts.map(({ about }) => about)).toEqual(doubted);
});
