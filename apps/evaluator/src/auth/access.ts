/** Who may call a route. Each route names one of these; the guards below hold it to that. */
import type { MiddlewareHandler } from 'hono';
import { Problem } from '../http/problem.ts';
import type { Env } from '../services.ts';
import { findChallenge } from '../store/challenges.ts';
import { findSubmission } from '../store/submissions.ts';
import { CHALLENGE } from './identify.ts';

export const ACCESS = {
  anyone: 'anyone, without a key',
  owner: 'the service’s owner',
  organiser: 'an organiser of the challenge, or the service’s owner',
  member: 'an organiser or a submitter of the challenge, or the service’s owner',
  submitter: 'a submitter of the challenge',
  team: 'the team that submitted, an organiser of the challenge, or the service’s owner',
  author: 'the team that submitted',
} as const;

export type Access = keyof typeof ACCESS;

/** Loads what the path names and lets through only who may call. */
export function guard(access: Access): MiddlewareHandler<Env> {
  return async (c, next) => {
    const { db } = c.get('services');
    const key = c.get('key');
    if (access !== 'anyone' && !key)
      throw new Problem(401, 'this needs a key: Authorization: Bearer KEY', CHALLENGE);

    const submissionId = c.req.param('submission');
    const submission = submissionId === undefined ? undefined : await findSubmission(db, submissionId);
    const challengeId = submission?.challengeId ?? c.req.param('challenge');
    const challenge = challengeId === undefined ? undefined : await findChallenge(db, challengeId);

    const isOwner = key?.role === 'owner';
    const isOrganiser = isOwner || (key?.role === 'organiser' && key.challengeId === challenge?.id);
    const isSubmitter = key?.role === 'submitter' && key.challengeId === challenge?.id;
    const isAuthor = isSubmitter && submission !== undefined && key.team === submission.team;
    const mayCall = {
      anyone: true,
      owner: isOwner,
      organiser: isOrganiser,
      member: isOrganiser || isSubmitter,
      submitter: isSubmitter,
      team: isOrganiser || isAuthor,
      author: isAuthor,
    }[access];
    // Who may not see a submission does not learn whether it is there.
    if (submissionId !== undefined && (!submission || !(isOrganiser || isAuthor))) {
      throw new Problem(404, `there is no submission ${submissionId} that this key may see`);
    }
    if (challengeId !== undefined && !challenge)
      throw new Problem(404, `there is no challenge ${challengeId}`);
    if (!mayCall) throw new Problem(403, `this key may not do that; it is for ${ACCESS[access]}`);
    if (challenge) c.set('challenge', challenge);
    if (submission) c.set('submission', submission);
    await next();
  };
}
