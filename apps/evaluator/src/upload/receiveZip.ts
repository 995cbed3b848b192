/** A submission that comes as one zip: the whole of it is accepted or nothing. */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import type { Submission } from '../store/submissions.ts';
import { closeSubmission, discardSubmission, noMask, openSubmission } from '../submission/lifeCycle.ts';
import { readFileName } from './fileNames.ts';
import { receiveLog, receiveMask, storing } from './receive.ts';
import { type ZippedFile, zipFiles } from './zipFiles.ts';

/** Begins a submission and takes in a zip of it, whole. Throws Problem; nothing is left of it then. */
export async function submitZip(
  services: Services,
  challenge: Challenge,
  team: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Submission> {
  const submission = await openSubmission(services, challenge, team, 'zip');
  try {
    const passedOver = await receiveZip(services, challenge, submission, bytes);
    return await closeSubmission(services, submission, passedOver);
  } catch (error) {
    await discardSubmission(services, submission.id);
    throw error;
  }
}

/**
 * Stores the masks CASE.nii.gz and the logs CASE.jsonl of a zip in an open submission. Returns the names of the other
 * files, which are passed over. Throws Problem.
 */
export async function receiveZip(
  services: Services,
  challenge: Challenge,
  submission: Submission,
  bytes: AsyncIterable<Uint8Array>,
): Promise<string[]> {
  const { db, limits, blobs } = services;
  const cases = new Set((await listCases(db, challenge.id)).map(({ name }) => name));
  const read = (path: string) => readFileName(path, challenge.name, cases);
  const receive = async (key: string, size: number) => {
    const { files, passedOver } = await zipFiles(blobs, key, size, limits, read);
    // Before anything is unpacked.
    if (!files.some(({ kind }) => kind === 'mask')) throw noMask('the zip', passedOver);
    assertNoTwins(files);
    for (const { kind, case: name, open } of files) {
      if (kind === 'mask') await receiveMask(services, challenge, submission, name, open());
      else await receiveLog(services, challenge, submission, name, 'claimed', open());
    }
    await blobs.delete([key]);
    return passedOver;
  };
  return storing(services, 'scratch', 'the zip', bytes, receive, limits.maxBodyBytes);
}

/** Throws Problem 422 where two files are masks, or logs, of one case. */
function assertNoTwins(files: readonly ZippedFile[]): void {
  const seen = new Map<string, string>();
  for (const { path, kind, case: name } of files) {
    const twin = seen.get(`${kind} ${name}`);
    if (twin) throw new Problem(422, `${path} and ${twin}: two files of one case`);
    seen.set(`${kind} ${name}`, path);
  }
}
