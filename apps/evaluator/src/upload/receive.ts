/** Taking in masks and logs: stored first, then read to their end; what is not sound leaves nothing behind. */
import { Problem } from '../http/problem.ts';
import { efficiencyCurve } from '../results/efficiencyCurve.ts';
import type { Services } from '../services.ts';
import { type BlobFolder, newBlobKey } from '../store/blobs.ts';
import {
  type Challenge,
  deleteCase,
  findCase,
  findChallenge,
  listCases,
  putCase,
  type StoredGrid,
} from '../store/challenges.ts';
import { type LogSource, listLogs, putLog } from '../store/efficiencyLogs.ts';
import { listSubmissionCases, putMask, type Submission } from '../store/submissions.ts';
import { refusal } from '../submission/lifeCycle.ts';
import { collected, limited } from './body.ts';
import { readLog } from './efficiencyLog.ts';

type Bytes = AsyncIterable<Uint8Array>;

const labelsOf = ({ organs }: Challenge) => organs.map(({ id }) => id);

/**
 * Stores the hidden reference of a case, or puts it in the place of another; tells which, and its grid. Throws Problem
 * 409 once the challenge has submissions or where its organs changed meanwhile, 413 where it has as many cases as it may.
 */
export async function receiveReference(
  services: Services,
  challenge: Challenge,
  name: string,
  bytes: Bytes,
): Promise<{ grid: StoredGrid; replaced: boolean }> {
  const { db, limits } = services;
  const cases = await listCases(db, challenge.id);
  const before = cases.find((each) => each.name === name);
  if (!before && cases.length >= limits.maxCases) {
    throw new Problem(413, `a challenge has at most ${limits.maxCases} cases`);
  }
  return storing(services, 'masks', name, bytes, async (key) => {
    const grid = await services.compute.check({
      mask: { key, name },
      labels: labelsOf(challenge),
      maxVoxels: limits.maxVoxels,
      maxDecompressedBytes: limits.maxDecompressedBytes,
    });
    if (!(await putCase(db, challenge, { name, referenceKey: key, grid }))) {
      const now = await findChallenge(db, challenge.id);
      const hasOtherOrgans = JSON.stringify(now?.organs) !== JSON.stringify(challenge.organs);
      throw hasOtherOrgans ? changed(challenge) : settled(challenge);
    }
    if (before) await services.blobs.delete([before.referenceKey]);
    return { grid, replaced: before !== undefined };
  });
}

/** Deletes a case and its reference. Throws Problem 404 where there is none, 409 once the challenge has submissions. */
export async function removeReference(
  { db, blobs }: Services,
  challenge: Challenge,
  name: string,
): Promise<void> {
  const key = await deleteCase(db, challenge.id, name);
  if (key !== undefined) return blobs.delete([key]);
  if (await findCase(db, challenge.id, name)) throw settled(challenge);
  throw new Problem(404, `${challenge.name} has no case ${name}`);
}

const settled = ({ name }: Challenge) =>
  new Problem(409, `${name} has submissions: its references stay as they are`);

const changed = ({ name }: Challenge) =>
  new Problem(409, `the organs of ${name} were changed meanwhile: upload the reference again`);

/** Stores the mask of one case of an open submission, or puts it in the place of another. */
export async function receiveMask(
  services: Services,
  challenge: Challenge,
  submission: Submission,
  name: string,
  bytes: Bytes,
): Promise<void> {
  const { db, blobs, limits } = services;
  const reference = await caseOf(services, challenge, name);
  await storing(services, 'masks', name, bytes, async (key) => {
    await services.compute.check({
      mask: { key, name },
      labels: labelsOf(challenge),
      reference: { name: `reference of ${name}`, grid: reference.grid },
      maxVoxels: limits.maxVoxels,
      maxDecompressedBytes: limits.maxDecompressedBytes,
    });
    const before = (await listSubmissionCases(db, submission.id)).find((each) => each.name === name);
    if (!(await putMask(db, submission.id, name, key))) {
      throw await refusal(db, submission.id, ': its masks stay as they are');
    }
    if (before) await blobs.delete([before.maskKey]);
  });
}

/** Stores the efficiency log of one case, or puts it in the place of another of the same source; tells which. */
export async function receiveLog(
  services: Services,
  challenge: Challenge,
  submission: Submission,
  name: string,
  source: LogSource,
  bytes: Bytes,
) {
  const { db, blobs, limits } = services;
  await caseOf(services, challenge, name);
  const tooLarge = () => new Problem(413, `${name}: the log has more than ${limits.maxLogBytes} bytes`);
  const content = await collected(limited(bytes, limits.maxLogBytes, tooLarge));
  const { figures, samples } = readLog(content, name);
  const replaced = await storing(services, 'logs', name, only(content), async (logKey) => {
    const before = (await listLogs(db, submission.id)).find(
      (log) => log.name === name && log.source === source,
    );
    const log = { name, source, logKey, figures, curve: efficiencyCurve(samples) };
    if (!(await putLog(db, submission.id, log))) {
      throw await refusal(db, submission.id, ': its claims stay as they are');
    }
    if (before) await blobs.delete([before.logKey]);
    return before !== undefined;
  });
  return { figures, replaced };
}

/** Stores bytes under a new key and goes on; deletes them where that throws. Throws Problem 413 past the limit. */
export async function storing<T>(
  { blobs, limits }: Pick<Services, 'blobs' | 'limits'>,
  folder: BlobFolder,
  name: string,
  bytes: Bytes,
  then: (key: string, size: number) => Promise<T>,
  maxBytes = limits.maxMaskBytes,
): Promise<T> {
  const key = newBlobKey(folder);
  const size = await blobs.put(
    key,
    limited(bytes, maxBytes, () => new Problem(413, `${name}: has more than ${maxBytes} bytes`)),
  );
  try {
    return await then(key, size);
  } catch (error) {
    await blobs.delete([key]);
    throw error;
  }
}

/** Throws Problem 422 where a challenge has no such case. */
async function caseOf({ db }: Services, challenge: Challenge, name: string) {
  const found = await findCase(db, challenge.id, name);
  if (!found) throw new Problem(422, `${challenge.name} has no case ${name}`);
  return found;
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
