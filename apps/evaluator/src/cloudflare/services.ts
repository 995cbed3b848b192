/** The service on Cloudflare: D1, R2, a queue, and the platform's own rate limit. */
import type { Context } from 'hono';
import { Kysely } from 'kysely';
import { D1Dialect } from 'kysely-d1';
import { recordOf } from '../auth/secret.ts';
import { computeInPlace } from '../compute/inPlace.ts';
import { limitsFrom } from '../limits.ts';
import type { Services } from '../services.ts';
import { insertKey } from '../store/keys.ts';
import { migrate } from '../store/migrations.ts';
import type { Tables } from '../store/tables.ts';
import { type Bucket, r2Blobs } from './r2.ts';

export interface QueueMessage {
  readonly submissionId: string;
  readonly name: string;
}

/** The bindings of wrangler.toml. */
export interface Bindings {
  DB: ConstructorParameters<typeof D1Dialect>[0]['database'];
  BLOBS: Bucket;
  SCORING: { sendBatch(messages: { body: QueueMessage }[]): Promise<unknown> };
  RATE_LIMIT: { limit(options: { key: string }): Promise<{ success: boolean }> };
  /** The owner's key, a secret. */
  OWNER_KEY: string;
}

/** As many messages as the queue takes in one call. */
const MAX_BATCH = 100;

let ready: Promise<Services> | undefined;

/** The services, set up once for each isolate: the database is brought to its version, and knows the owner's key. */
export function cloudflareServices(bindings: Bindings): Promise<Services> {
  ready ??= setUp(bindings).catch((error) => {
    ready = undefined;
    throw error;
  });
  return ready;
}

async function setUp(bindings: Bindings): Promise<Services> {
  const db = new Kysely<Tables>({ dialect: new D1Dialect({ database: bindings.DB }) });
  await migrate(db);
  const owner = { role: 'owner', challengeId: null, team: null, expiresAt: null } as const;
  await insertKey(db, await recordOf(bindings.OWNER_KEY ?? '', owner));
  const blobs = r2Blobs(bindings.BLOBS);
  return {
    db,
    blobs,
    compute: computeInPlace(blobs),
    limits: limitsFrom({ ...bindings }),
    enqueue: async (submissionId, cases) => {
      const messages = cases.map((name) => ({ body: { submissionId, name } }));
      for (let at = 0; at < messages.length; at += MAX_BATCH) {
        await bindings.SCORING.sendBatch(messages.slice(at, at + MAX_BATCH));
      }
    },
    rateLimit: {
      take: async (caller) => ((await bindings.RATE_LIMIT.limit({ key: caller })).success ? 0 : 60),
    },
    addressOf: (c: Context) => c.req.header('cf-connecting-ip') ?? 'unknown',
    watchMs: 10 * 60_000,
    logError: (error) => console.error(error),
  };
}
