/** Schemas of challenges, their cases and their keys. */
import { z } from '@hono/zod-openapi';
import { RULE_SETS, type RuleSetName } from '@organseg/core/metrics/score.ts';
import { FLARE22_ORGANS } from '@organseg/core/organs.ts';
import { CASE_NAME } from '../upload/fileNames.ts';

/** A time, which comes out in UTC with four digits for its year, as times are compared as text. */
export const Time = z.iso
  .datetime({ offset: true, error: 'expected a date and a time, such as 2027-01-31T23:59:59Z' })
  .refine((time) => {
    const year = new Date(time).getUTCFullYear();
    return !(year < 0 || year > 9999);
  }, 'expected a year of four digits in UTC')
  .openapi({ example: '2027-01-31T23:59:59Z' })
  .transform((time) => new Date(time).toISOString());

export const CaseName = z.string().regex(CASE_NAME, 'letters, digits, dot, dash and underscore').openapi({
  example: 'FLARE22_Tr_0001',
});

const LABEL = 'expected a whole number from 1 to 255';
const TOLERANCE = 'expected a number above 0, up to 100';
const PER_DAY = 'expected a whole number from 1 to 1000';

const nameOf = (characters: number) =>
  z
    .string('expected a name')
    .trim()
    .min(1, 'expected a name')
    .regex(/^\P{Cc}*$/u, 'expected no line breaks and no other control characters')
    .max(characters, `expected at most ${characters} characters`);

const Organ = z
  .strictObject({
    id: z.int(LABEL).min(1, LABEL).max(255, LABEL).openapi({ description: 'The label of its voxels.' }),
    name: nameOf(50),
    toleranceMm: z
      .number(TOLERANCE)
      .positive(TOLERANCE)
      .max(100, TOLERANCE)
      .openapi({ description: 'NSD’s tolerance.' }),
    isTube: z.boolean().default(false).openapi({
      description: 'Whether the rules flare22 compare it only on slices that the reference labels.',
    }),
  })
  .openapi('Organ');

const Organs = z
  .array(Organ)
  .min(1, 'expected an organ at least')
  .max(255)
  .refine((organs) => isDistinct(organs.map(({ id }) => id)), 'two organs of one id')
  .refine((organs) => isDistinct(organs.map(({ name }) => name)), 'two organs of one name');

const isDistinct = (values: readonly unknown[]) => new Set(values).size === values.length;

export const Rules = z
  .enum(Object.keys(RULE_SETS) as [RuleSetName, ...RuleSetName[]])
  .describe('flare22: as the challenge’s official evaluation. plain: without its exceptions.');

const SubmissionsPerDay = z
  .int(PER_DAY)
  .min(1, PER_DAY)
  .max(1000, PER_DAY)
  .openapi({ description: 'Of one team, by UTC days.' });

const ChallengeName = nameOf(100);

export const NewChallenge = z
  .strictObject({
    name: ChallengeName,
    organs: Organs.default(
      FLARE22_ORGANS.map(({ id, name, toleranceMm, isTube }) => ({ id, name, toleranceMm, isTube })),
    ),
    rules: Rules.default('flare22'),
    deadline: Time.nullable().default(null),
    submissionsPerDay: SubmissionsPerDay.default(5),
  })
  .openapi('NewChallenge');

export const ChallengeChange = z
  .strictObject({
    name: ChallengeName.optional(),
    deadline: Time.nullable().optional(),
    submissionsPerDay: SubmissionsPerDay.optional(),
    organs: Organs.optional().openapi({ description: 'Until the first reference is uploaded.' }),
  })
  .openapi('ChallengeChange');

/** What whoever deletes a challenge says of it. */
export const ChallengeDeletion = z.object({
  name: z.string().openapi({ description: 'Its name, so that no other is deleted.' }),
  submissions: z.coerce
    .number('expected a whole number')
    .pipe(z.int('expected a whole number'))
    .default(0)
    .openapi({ description: 'How many submissions, with their scores, are deleted too.' }),
});

export const ChallengeView = z
  .object({
    id: z.uuid(),
    name: z.string(),
    organs: z.array(Organ),
    rules: Rules,
    deadline: z.string().nullable(),
    submissionsPerDay: z.int(),
    createdAt: z.string(),
    cases: z.int().openapi({ description: 'How many have a reference.' }),
  })
  .openapi('Challenge');

const xyz = z.array(z.number()).length(3);

export const CaseView = z.object({ name: z.string(), shape: xyz, spacingMm: xyz }).openapi('Case');

export const ReceivedReference = CaseView.extend({
  replaced: z.boolean().openapi({ description: 'Whether it took the place of another.' }),
}).openapi('ReceivedReference');

export const NewKey = z
  .discriminatedUnion('role', [
    z.strictObject({
      role: z.literal('submitter'),
      team: nameOf(60),
      expiresAt: Time.nullable().default(null),
    }),
    z.strictObject({ role: z.literal('organiser'), expiresAt: Time.nullable().default(null) }),
  ])
  .openapi('NewKey');

export const KeyView = z
  .object({
    id: z.string(),
    role: z.enum(['organiser', 'submitter']),
    team: z.string().nullable(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
  })
  .openapi('Key');

export const IssuedKey = KeyView.extend({
  key: z.string().openapi({ description: 'The key itself. It is shown this once.' }),
}).openapi('IssuedKey');
