/** A submission that comes as one zip: all of it is accepted or none. */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { type Challenge, listCases } from '../store/challenges.ts';
import type { Submission } from '../store/submissions.ts';
import { closeSubmission, discardSubmission, openSubmission } from '../submission/lifeCycle.ts';
import { receiveLog, receiveMask, storing } from './receive.ts';
import { type ZippedFile, zipFiles } from './zipFiles.ts';

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
    await discardSubmission(services, submission.id);
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
