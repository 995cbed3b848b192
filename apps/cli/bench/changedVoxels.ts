import { readLabelsFile } from '@organseg/files/nifti.ts';

/** Voxels whose label differs between two label map files of one scan, and all of its voxels. */
export async function changedVoxels(one: string, other: string): Promise<{ changed: number; of: number }> {
  const [a, b] = [(await readLabelsFile(one)).data, (await readLabelsFile(other)).data];
  return { changed: a.reduce((n, label, i) => n + (label === b[i] ? 0 : 1), 0), of: a.length };
}
