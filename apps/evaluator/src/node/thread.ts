/** A thread of the pool: what it finds wrong with a mask goes back as data, as errors lose their class on the way. */
import { workerData } from 'piscina';
import type { CheckJob, ScoreJob } from '../compute/compute.ts';
import { checkMask, scoreMasks } from '../compute/masks.ts';
import { type ProblemStatus, problemOf } from '../http/problem.ts';
import { folderBlobs } from './folder.ts';

export type Outcome<T> = { value: T } | { status: ProblemStatus; detail: string };

const { folder } = workerData as { folder: string };
const blobs = await folderBlobs(folder);

export const check = (job: CheckJob) => outcomeOf(checkMask(blobs, job));
export const score = (job: ScoreJob) => outcomeOf(scoreMasks(blobs, job));

async function outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work };
  } catch (error) {
    const { status, message } = problemOf(error);
    if (status === 500) throw error;
    return { status, detail: message };
  }
}
