/** A submission that comes as one zip: all of it is accepted or none. */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import { listLogs } from '../store/efficiencyLogs.ts';
import {
  beginSubmission,
  completeSubmission,
  dropSubmission,
  findSubmission,
  listSubmissionCases,
  type Submission,
} from '../store/submissions.ts';
import { receiveLog, receiveMask, storing } from './receive.ts';
import { type ZippedFile, zipFiles } from './zipFiles.ts';

/** Begins a submission unless the deadline has passed or the team has had all of the day's. */
export async function openSubmission(
  { db }: Services,
  challenge: Challenge,
  team: string,
  kind: 'zip' | 'files',
): Promise<Submission> {
  const { submissionsPerDay } = challenge;
  assertInTime(challenge);
  if ((await listCases(db, challenge.id)).length === 0) {
    throw new Problem(409, `${challenge.name} has no cases yet`);
  }
  const submission = await beginSubmission(db, challenge, team, kind);
  if (submission) return submission;
  throw new Problem(429, `${team} has used up the ${submissionsPerDay} submissions of today (UTC)`, {
    'retry-after': String(secondsToMidnight()),
  });
}

/** Queues what a submission holds. Throws Problem 409 where it was closed already, 422 where it holds nothing. */
export async function closeSubmission(services: Services, { id }: Submission): Promise<Submission> {
  const cases = (await listSubmissionCases(services.db, id)).map(({ name }) => name);
  if (cases.length === 0) throw new Problem(422, 'the submission holds no mask');
  if (!(await completeSubmission(services.db, id)))
    throw new Problem(409, `submission ${id} is complete already`);
  await services.enqueue(id, cases);
  return (await findSubmission(services.db, id))!;
}

/** Deletes an open submission and all that came with it. Throws Problem 409 where it is complete. */
export async function discardSubmission(
  { db, blobs }: Pick<Services, 'db' | 'blobs'>,
  { id }: Pick<Submission, 'id'>,
): Promise<void> {
  if ((await findSubmission(db, id))?.completedAt)
    throw new Problem(409, `submission ${id} is complete: it stays`);
  const masks = (await listSubmissionCases(db, id)).map(({ maskKey }) => maskKey);
  const logs = (await listLogs(db, id)).map(({ logKey }) => logKey);
  await dropSubmission(db, id);
  await blobs.delete([...masks, ...logs]);
}

/** Takes in a zip of masks CASE.nii.gz and logs CASE.jsonl. Throws Problem; nothing is left of it then. */
export async function receiveZip(
  services: Services,
  challenge: Challenge,
  team: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Submission> {
  const submission = await openSubmission(services, challenge, team, 'zip');
  const { limits, blobs } = services;
  try {
    await storing(
      services,
      'scratch',
      'the zip',
      bytes,
      async (key, size) => {
        const files = await zipFiles(blobs, key, size, limits);
        await checkCases(services, challenge, files);
        for (const { kind, case: name, open } of files) {
          if (kind === 'mask') await receiveMask(services, challenge, submission, name, open());
          else await receiveLog(services, challenge, submission, name, 'claimed', open());
        }
        await blobs.delete([key]);
      },
      limits.maxBodyBytes,
    );
  } catch (error) {
    await discardSubmission(services, submission);
    throw error;
  }
  return closeSubmission(services, submission);
}

/** Before anything is unpacked. */
async function checkCases(
  { db }: Services,
  challenge: Challenge,
  files: readonly ZippedFile[],
): Promise<void> {
  const known = new Set((await listCases(db, challenge.id)).map(({ name }) => name));
  const seen = new Map<string, string>();
  for (const { path, kind, case: name } of files) {
    if (!known.has(name))
      throw new Problem(422, `${path}: ${challenge.name} has no case ${name.slice(0, 100)}`);
    const twin = seen.get(`${kind} ${name}`);
    if (twin) throw new Problem(422, `${path} and ${twin}: two files of one case`);
    seen.set(`${kind} ${name}`, path);
  }
  if (!files.some(({ kind }) => kind === 'mask')) throw new Problem(422, 'the zip holds no mask');
}

/** Throws Problem 403 past the deadline. */
export function assertInTime({ name, deadline }: Challenge): void {
  if (deadline !== null && deadline <= new Date().toISOString()) {
    throw new Problem(403, `the deadline of ${name} was ${deadline}`);
  }
}

function secondsToMidnight(): number {
  const now = new Date();
  return Math.ceil(
    (Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1) - now.getTime()) / 1000,
  );
}
