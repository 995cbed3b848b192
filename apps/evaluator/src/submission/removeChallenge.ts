/** Deleting a challenge with all that belongs to it. */
import { Problem } from '../http/problem.ts';
import type { Services } from '../services.ts';
import { blobKeysOf, type Challenge, deleteChallenge } from '../store/challenges.ts';
import { listSubmissions } from '../store/submissions.ts';

/**
 * Deletes a challenge, its references, its keys, and its submissions with their masks and scores. Throws Problem 422 where
 * its name is another, 409 where it has another number of submissions: whoever deletes them must know of them. A mask that
 * is stored meanwhile goes with the next sweep of the blobs.
 */
export async function removeChallenge(
  { db, blobs }: Pick<Services, 'db' | 'blobs'>,
  { id, name }: Challenge,
  asked: { readonly name: string; readonly submissions: number },
): Promise<void> {
  if (asked.name !== name) throw new Problem(422, `the name is ${name}; nothing was deleted`);
  const keys = await blobKeysOf(db, id);
  if (!(await deleteChallenge(db, id, asked.submissions))) {
    const { length } = await listSubmissions(db, id);
    throw new Problem(
      409,
      `${name} has ${submissionsOf(length)}, not ${asked.submissions}; nothing was deleted`,
    );
  }
  await blobs.delete(keys);
}

export const submissionsOf = (count: number): string =>
  count === 1 ? '1 submission' : `${count || 'no'} submissions`;
