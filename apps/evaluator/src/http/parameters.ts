/** The parameters in the routes' paths. */
import { z } from '@hono/zod-openapi';
import { CaseName } from '../schema/challenge.ts';

const id = (name: string) =>
  z
    .string()
    .max(100)
    .openapi({ param: { name, in: 'path' } });

export const ChallengePath = z.object({ challenge: id('challenge') });
export const ChallengeCasePath = ChallengePath.extend({ case: CaseName });
export const ChallengeKeyPath = ChallengePath.extend({ key: id('key') });
export const SubmissionPath = z.object({ submission: id('submission') });
export const SubmissionCasePath = SubmissionPath.extend({ case: CaseName });
