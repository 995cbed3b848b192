/** The writer of one phantom of a data set. */
import { dirname, join } from 'node:path';
import { type PhantomCase, type PhantomSettings, phantomOf } from '@organseg/core/phantom/dataset.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { makeFolder } from '@organseg/files/write.ts';

export interface PhantomJob {
  readonly folder: string;
  readonly phantom: PhantomCase;
  readonly settings: PhantomSettings;
}

/** Makes a case and writes its two files, the image last. Returns its shape in voxels. */
export async function writePhantom({ folder, phantom, settings }: PhantomJob): Promise<Xyz> {
  const made = phantomOf(phantom, settings);
  for (const part of ['labels', 'image'] as const) {
    const path = join(folder, phantom[part]);
    await makeFolder(dirname(path));
    await writeNiftiFile(path, made[part]);
  }
  return made.image.shape;
}
