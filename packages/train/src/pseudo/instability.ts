/** The instability of a case: how differently other models label it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';

/**
 * Voxels whose label differs / voxels labelled as organs in `folder`, without those that either ignores, a mean over
 * the other folders that hold the case; null where none does. Throws InputError where two label maps do not lie on one
 * grid.
 */
export async function instability(
  name: string,
  folder: string,
  others: readonly string[],
): Promise<number | null> {
  const file = (of: string) => join(of, `${name}.nii.gz`);
  const there = others.filter((other) => existsSync(file(other)));
  if (!there.length) return null;
  const labels = await readLabelsFile(file(folder));
  const foreground = foregroundVoxels(labels.data);
  let sum = 0;
  for (const other of there) {
    const before = await readLabelsFile(file(other));
    assertSameGrid(labels, file(folder), before, file(other));
    sum += differingVoxels(labels.data, before.data) / Math.max(1, foreground);
  }
  return sum / there.length;
}

// Plain loops: a callback for each of some 40 million voxels would take ten times as long.

/** The number of voxels that are labelled as organs. */
function foregroundVoxels(labels: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i]! > 0 && labels[i] !== IGNORED) count++;
  return count;
}

/** The number of voxels whose label differs between two maps of one grid, and is known in both. */
function differingVoxels(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && a[i] !== IGNORED && b[i] !== IGNORED) count++;
  return count;
}
