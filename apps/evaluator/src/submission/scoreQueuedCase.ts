/** Scores the cases of submissions and records what came out. */
import { problemOf } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { findCase, findChallenge } from '../store/challenges.ts';
import {
  findSubmission,
  type QueuedCase,
  recordFailure,
  recordScores,
  releaseCase,
} from '../store/submissions.ts';

/** The attempts after which a case is given up: it took the process down with it each time. */
export const MAX_ATTEMPTS = 10;

type Needs = Pick<Services, 'db' | 'compute' | 'limits' | 'logError'>;

/**
 * Scores one claimed case; it ends scored, or failed where its mask is at fault. Where the service is at fault the
 * case waits again, and this throws. Of a submission that is gone nothing is left to be recorded.
 */
export async function scoreQueuedCase(services: Needs, queued: QueuedCase): Promise<void> {
  const { db, compute, limits, logError } = services;
  try {
    if (queued.attempts > MAX_ATTEMPTS)
      throw new Error(`${queued.name}: given up after ${MAX_ATTEMPTS} attempts`);
    const submission = (await findSubmission(db, queued.submissionId))!;
    const challenge = (await findChallenge(db, submission.challengeId))!;
    const reference = (await findCase(db, challenge.id, queued.name))!;
    const scores = await compute.score({
      reference: { key: reference.referenceKey, name: `reference of ${queued.name}` },
      prediction: { key: queued.maskKey, name: queued.name },
      organs: challenge.organs,
      rules: challenge.rules,
      maxVoxels: limits.maxVoxels,
      maxDecompressedBytes: limits.maxDecompressedBytes,
    });
    await recordScores(db, queued, scores);
  } catch (error) {
    if (!(await findSubmission(db, queued.submissionId))) return; // its challenge was deleted meanwhile
    const problem = problemOf(error);
    if (problem.status === 500 && queued.attempts < MAX_ATTEMPTS) {
      await releaseCase(db, queued);
      throw error;
    }
    logError(error);
    await recordFailure(db, queued, problem.message);
  }
}
