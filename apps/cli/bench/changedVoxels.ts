/** The comparison of two label maps of one scan. */
import { readLabelsFile } from '@organseg/files/nifti.ts';

/** Number of voxels whose label differs between two label map files of one scan, and of all its voxels. */
export async function changedVoxels(one: string, other: string): Promise<{ changed: number; of: number }> {
  const [a, b] = [(await readLabelsFile(one)).data, (await readLabelsFile(other)).data];
  let changed = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) changed++;
  return { changed, of: a.length };
}
