/** What is written of a predicted case: the label map, and what was asked for besides. */
import { join } from 'node:path';
import type { Efficiency } from '@organseg/core/metrics/efficiency.ts';
import { labelColour } from '@organseg/core/organs.ts';
import { labelStatistics } from '@organseg/core/volume/labelStatistics.ts';
import { labelTable } from '@organseg/core/volume/labelTable.ts';
import type { NiftiVolume } from '@organseg/core/volume/niftiRead.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { writeWhole } from '@organseg/files/write.ts';
import {
  type Postprocessing,
  type PostprocessingChanges,
  postprocess,
} from '@organseg/train/predict/postprocessing.ts';
import { previewPng } from '../pictures/preview.ts';

export interface CaseFiles {
  readonly labelNames: readonly string[];
  readonly postprocessing: Postprocessing;
  readonly statistics: boolean;
  readonly preview: boolean;
}

/** Writes CASE.nii.gz last: a case that has it has all. */
export async function writeCase(
  out: string,
  name: string,
  scan: NiftiVolume,
  labels: Volume<Uint8Array>,
  { labelNames, postprocessing, statistics, preview }: CaseFiles,
): Promise<PostprocessingChanges> {
  const changes = postprocess(labels, postprocessing, labelNames);
  if (statistics || preview) {
    const found = labelStatistics(scan, labels, labelNames.length);
    const rows = labelNames.map((organ, label) => {
      const { voxels, volumeMl, meanHu } = found[label];
      return [organ, { voxels, volumeMl, meanHu }];
    });
    if (statistics)
      await writeWhole(
        join(out, `${name}_statistics.json`),
        `${JSON.stringify(Object.fromEntries(rows.slice(1)), null, 2)}\n`,
      );
    if (preview)
      await writeWhole(join(out, `${name}.png`), once(previewPng(name, scan, labels, labelNames, found)));
  }
  const entries = labelNames.map((organ, id) => ({ id, name: organ, colour: colourOf(id) }));
  await writeNiftiFile(join(out, `${name}.nii.gz`), labels, scan.header.space, [labelTable(entries)]);
  return changes;
}

const colourOf = (id: number) => (id === 0 ? ([0, 0, 0] as const) : labelColour(id));

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** The challenge's figures of a case, and where its time went. */
export interface CaseProfile extends Efficiency {
  readonly case: string;
  /** As nvidia-smi sees it; false where it does not answer, and the memory figures are 0. */
  readonly hasGpuSamples: boolean;
  readonly stages: Readonly<Record<string, number>>;
  /** Of all cores, by this process, in user and system mode. */
  readonly cpuSeconds: number;
  /** Resident memory of this process at its highest so far. */
  readonly peakHostBytes: number;
}
