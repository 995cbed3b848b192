/** Checking and scoring stored masks, two labels a byte where the label table allows. */
import type { LabelMap } from '@organseg/core/metrics/labelMap.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { type CaseScore, RULE_SETS, scoreCase } from '@organseg/core/metrics/score.ts';
import { type LabelStream, openLabels } from '@organseg/core/volume/labelStream.ts';
import { packLabels } from '@organseg/core/volume/packedLabels.ts';
import type { Grid } from '@organseg/core/volume/volume.ts';
import type { Blobs } from '../store/blobs.ts';
import type { StoredGrid } from '../store/challenges.ts';
import type { CheckJob, MaskLimits, ScoreJob, StoredMask } from './compute.ts';
import { unpacked } from './unpacked.ts';

export async function checkMask(blobs: Blobs, job: CheckJob): Promise<StoredGrid> {
  const { mask, labels, reference } = job;
  const stream = await openMask(blobs, mask, labels, job);
  try {
    if (reference) assertSameGrid(gridOf(reference.grid), reference.name, stream, mask.name);
    for await (const _ of stream.blocks());
    return { shape: stream.shape, affine: [...stream.affine], spacingMm: stream.spacingMm };
  } finally {
    await stream.cancel();
  }
}

export async function scoreMasks(blobs: Blobs, job: ScoreJob): Promise<CaseScore> {
  const labels = job.organs.map(({ id }) => id);
  const reference = await openMask(blobs, job.reference, labels, job);
  const map = await packLabels(reference, labels);
  const prediction = await openMask(blobs, job.prediction, labels, job);
  try {
    assertSameGrid(reference, job.reference.name, prediction, job.prediction.name);
    const predicted: LabelMap = await packLabels(prediction, labels);
    return scoreCase(map, predicted, map.spacingMm, job.organs, RULE_SETS[job.rules], job.others);
  } finally {
    await prediction.cancel();
  }
}

async function openMask(
  blobs: Blobs,
  { key, name }: StoredMask,
  labels: readonly number[],
  { maxVoxels, maxDecompressedBytes }: MaskLimits,
): Promise<LabelStream> {
  // What is unpacked here is no gzip any more, whatever it was called.
  const file = {
    name: name.replace(/\.gz$/i, ''),
    bytes: unpacked(blobs.get(key), name, maxDecompressedBytes),
  };
  const stream = await openLabels(file, { labels, maxVoxels });
  return { ...stream, name };
}

const gridOf = ({ shape, affine }: StoredGrid): Grid => ({ shape, affine: Float64Array.from(affine) });
