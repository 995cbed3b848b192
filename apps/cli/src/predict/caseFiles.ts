/** The files of a predicted case: the label map, and what was asked for besides. */
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { Efficiency } from '@organseg/core/metrics/efficiency.ts';
import { labelEntries } from '@organseg/core/organs.ts';
import { namesById, type Region, type Structure, structuresOf } from '@organseg/core/regions.ts';
import { joinedStatistics, labelStatistics } from '@organseg/core/volume/labelStatistics.ts';
import { labelTable } from '@organseg/core/volume/labelTable.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import type { FileScan } from '@organseg/files/scanFile.ts';
import { writeWhole } from '@organseg/files/write.ts';
import type { Trust } from '@organseg/train/predict/calibration.ts';
import {
  type Postprocessing,
  type PostprocessingChanges,
  postprocess,
} from '@organseg/train/predict/postprocessing.ts';
import { previewPng } from '../pictures/preview.ts';

/** What the files of each case hold. */
export interface CaseFiles {
  /** Names of the labels, background first. */
  readonly labelNames: readonly string[];
  /** Which of them are regions that may overlap; undefined where none is. */
  readonly regions?: readonly Region[] | undefined;
  readonly postprocessing: Postprocessing;
  /** Whether CASE_statistics.json is written. */
  readonly statistics: boolean;
  /** Whether the first channel is CT. */
  readonly isCt: boolean;
  /** Whether CASE.png is written. */
  readonly preview: boolean;
  /** Whether CASE.dcm is written, of a scan that came as DICOM. */
  readonly dicomSeg: boolean;
}

/**
 * Postprocesses a label map, which lies on its scan's grid, and writes the case's files, CASE.nii.gz last: a case that
 * has it has all that can be had. `trust` is in the statistics. Returns what postprocessing changed, and why there is no
 * CASE.dcm where the scan has not what it needs.
 */
export async function writeCase(
  out: string,
  name: string,
  scan: FileScan,
  labels: Volume<Uint8Array>,
  trust: readonly Trust[],
  { labelNames, regions, isCt, postprocessing, statistics, preview, dicomSeg }: CaseFiles,
): Promise<{ changes: PostprocessingChanges; fault?: string | undefined }> {
  const idNames = namesById(labelNames, regions);
  const structures = structuresOf(labelNames, regions);
  const changes = postprocess(labels, postprocessing, idNames);
  if (statistics || preview) {
    const found = labelStatistics(scan, labels, labelNames.length);
    const rows = structures.map(({ name: organ, label, ids }) => {
      const { voxels, volumeMl, meanIntensity } = regions ? joinedStatistics(found, ids) : found[label]!;
      const sure = trust.find(({ name }) => name === organ);
      const confidence = sure && { probability: sure.probability, expectedDsc: sure.expectedDsc };
      const intensity = { [isCt ? 'meanHu' : 'meanIntensity']: meanIntensity };
      return [organ, { ...(regions && { ids }), voxels, volumeMl, ...intensity, ...confidence }];
    });
    if (statistics)
      await writeWhole(
        join(out, `${name}_statistics.json`),
        `${JSON.stringify(Object.fromEntries(rows), null, 2)}\n`,
      );
    if (preview)
      await writeWhole(join(out, `${name}.png`), [previewPng(name, scan, labels, idNames, found, isCt)]);
  }
  const fault = dicomSeg
    ? await writeSegmentation(join(out, `${name}.dcm`), scan, labels, structures)
    : undefined;
  await writeNiftiFile(join(out, `${name}.nii.gz`), labels, scan.header.space, [
    labelTable(labelEntries(idNames)),
  ]);
  return { changes, fault };
}

/** Writes a DICOM segmentation, where the scan came as DICOM; returns why not, where that has not what one needs. */
async function writeSegmentation(
  path: string,
  { dicom }: FileScan,
  labels: Volume<Uint8Array>,
  structures: readonly Structure[],
): Promise<string | undefined> {
  if (!dicom) return undefined;
  const { encodeSegmentation } = await import('@organseg/dicom/segmentation/encodeSegmentation.ts');
  let bytes: Uint8Array;
  try {
    bytes = await encodeSegmentation(labels, structures, dicom, new Date());
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message;
  }
  await writeWhole(path, [bytes]);
  return undefined;
}

/** The profile of a case: the challenge's figures, and where its time went. */
export interface CaseProfile extends Efficiency {
  readonly case: string;
  /** Whether nvidia-smi answered; where it did not, the figures of GPU memory are 0. */
  readonly hasGpuSamples: boolean;
  /** Seconds by what they were spent on. */
  readonly stages: Readonly<Record<string, number>>;
  /** Time of all cores that this process took, in user and system mode. */
  readonly cpuSeconds: number;
  /** Peak so far of this process's resident memory. */
  readonly peakHostBytes: number;
}
