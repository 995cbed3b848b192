/** What the page is given of a model of regions: a region's figures and scores are those of all its voxels. */
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { encodeNifti } from '@organseg/core/volume/niftiWrite.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { expect, test } from 'vitest';
import { labelColours } from '../src/page/labelColours.ts';
import type { NamedFile, ShownOrgan } from '../src/protocol.ts';
import { compareWithReference } from '../src/worker/compare.ts';
import { labelledScan } from '../src/worker/labelledScan.ts';
import { organsIn, readChannels } from '../src/worker/scanFiles.ts';

const GRID = { shape: [4, 2, 2], affine: scaleAndShift([10, 10, 10], [0, 0, 0]) } as const;

async function fileOf(volume: Volume): Promise<NamedFile> {
  const parts: BlobPart[] = [];
  for await (const chunk of encodeNifti(volume)) parts.push(new Uint8Array(chunk));
  return { path: 'case.nii.gz', file: new Blob(parts) };
}

test('a region has the volume, the mean and the scores of all its ids; each id says what it is', async () => {
  const labels = { ...GRID, data: Uint8Array.from([1, 1, 2, 0, ...new Array<number>(12).fill(0)]) };
  const values = { ...GRID, data: Int16Array.from([10, 20, 60, 0, ...new Array<number>(12).fill(-1000)]) };
  const colour = [0, 0, 0] as const;
  const organs: ShownOrgan[] = [
    { label: 1, name: 'tumour without core', region: { name: 'tumour', ids: [1, 2] }, colour },
    { label: 2, name: 'core', region: { name: 'core', ids: [2] }, colour },
  ];
  const [scan] = await readChannels([await fileOf(values)], undefined, () => {});
  const { figures, file } = await labelledScan(scan, labels, organs, ['CT']);
  expect(figures.slice(1)).toEqual([
    { voxels: 3, volumeMl: 3, meanHu: 30 },
    { voxels: 1, volumeMl: 1, meanHu: 60 },
  ]);
  const files = [{ path: 'labels.nii.gz', file }];
  expect(await organsIn(files)).toEqual(['tumour without core', 'core']);

  const truth = { ...labels, data: labels.data.map((label) => (label === 1 ? 2 : label)) };
  const regions = organs.map(({ label, region }) => ({ label, labels: region!.ids, name: region!.name }));
  const watch = { signal: new AbortController().signal, tell: () => {} };
  const prediction = { name: 'model', files, organs: undefined, regions };
  const score = await compareWithReference(prediction, [await fileOf(truth)], watch);
  expect(score.organs.tumour!.dsc).toBe(1); // as labels they would have nothing in common
  expect(score.organs.core!.dsc).toBe(0.5);
});

test('a region that is shown without those within it is seen whole, in its own colour', () => {
  const organs: ShownOrgan[] = [
    { label: 1, name: 'whole without core', region: { name: 'whole', ids: [1, 2, 3] }, colour: [1, 0, 0] },
    { label: 2, name: 'core', region: { name: 'core', ids: [2, 3] }, colour: [2, 0, 0] },
    { label: 3, name: 'enhancing', region: { name: 'enhancing', ids: [3] }, colour: [3, 0, 0] },
  ];
  const drawn = (...hidden: number[]) => {
    const { R, A } = labelColours(organs, new Set(hidden));
    return R.map((red, label) => (A[label] ? red : null)).slice(1);
  };
  expect(drawn()).toEqual([1, 2, 3]);
  expect(drawn(3)).toEqual([1, 2, 2]);
  expect(drawn(2)).toEqual([1, 1, 3]);
  expect(drawn(2, 3)).toEqual([1, 1, 1]);
  expect(drawn(1)).toEqual([null, 2, 3]);
  expect(drawn(1, 2, 3)).toEqual([null, null, null]);
});
