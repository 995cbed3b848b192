/** The fingerprint of many cases: the memory that a process takes for it does not grow with their number. */
import { execFile } from 'node:child_process';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixture.ts';

/** Takes the fingerprint of the data set of its first argument; prints the cases and the peak of resident memory, KiB. */
const PROGRAM = `
const from = (file) => import(new URL(file, ${JSON.stringify(import.meta.url)}));
const { openPlannedDataset } = await from('./plannedDataset.ts');
const { fingerprintOf } = await from('./fingerprintFolder.ts');
const folder = process.argv[2];
const { spacings } = await fingerprintOf(await openPlannedDataset(folder), folder + '/fingerprint');
console.log(JSON.stringify([spacings.length, process.resourceUsage().maxRSS]));
`;

async function peakOf(cases: number): Promise<number> {
  const folder = temporaryFolder();
  const [images, labels] = [join(folder, 'imagesTr'), join(folder, 'labelsTr')];
  for (const each of [images, labels]) mkdirSync(each);
  const description = { channel_names: { 0: 'CT' }, labels: { background: 0, organ: 1 } };
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(description));
  // 1.2 MB of CT and half as much of labels: 200 of them would take several times the memory of Node and its threads.
  const shape: Xyz = [96, 96, 64];
  const voxels = voxelCount(shape);
  const grid = { shape, affine: scaleAndShift([1, 1, 1], [0, 0, 0]) };
  const [image, map] = [join(images, 'case_0_0000.nii.gz'), join(labels, 'case_0.nii.gz')];
  await writeNiftiFile(image, { ...grid, data: Int16Array.from({ length: voxels }, (_, i) => 1 + (i % 99)) });
  await writeNiftiFile(map, { ...grid, data: new Uint8Array(voxels).fill(1, voxels / 2) });
  for (let i = 1; i < cases; i++) {
    linkSync(image, join(images, `case_${i}_0000.nii.gz`));
    linkSync(map, join(labels, `case_${i}.nii.gz`));
  }
  const program = join(folder, 'program.mjs');
  writeFileSync(program, PROGRAM);
  const { stdout } = await promisify(execFile)(process.execPath, [program, folder]);
  const [taken, peak] = JSON.parse(stdout) as [number, number];
  expect(taken).toBe(cases);
  return peak;
}

test('200 cases take little more memory than 20', async () => {
  expect((await peakOf(200)) / (await peakOf(20))).toBeLessThan(1.5);
});
