/** A submission that comes as one zip: the whole of it is accepted or nothing. */
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import type { Submission } from '../store/submissions.ts';
import { completeSubmission, discardSubmission, noMask, openSubmission } from '../submission/lifeCycle.ts';
import { noteFile, readFileName, type SeenFiles } from './fileNames.ts';
import { receiveLog, receiveMask, storing } from './receive.ts';
import { zipFiles } from './zipFiles.ts';

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
    return await completeSubmission(services, submission, passedOver);
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
    const seen: SeenFiles = new Map();
    for (const file of files) noteFile(seen, file, file.path);
    for (const { kind, case: name, open } of files) {
      if (kind === 'mask') await receiveMask(services, challenge, submission, name, open());
      else await receiveLog(services, challenge, submission, name, 'claimed', open());
    }
    await blobs.delete([key]);
    return passedOver;
  };
  return storing(services, 'scratch', 'the zip', bytes, receive, limits.maxBodyBytes);
}
