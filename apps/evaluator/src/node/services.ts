/** The service on one machine: SQLite, a folder, a pool of threads. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'hono';
import { makeKey } from '../auth/secret.ts';
import { memoryRateLimit } from '../http/rateLimit.ts';
import { limitsFrom } from '../limits.ts';
import type { Services } from '../services.ts';
import { hasOwner, insertKey } from '../store/keys.ts';
import { migrate } from '../store/migrations.ts';
import { interruptedZips, requeueInterrupted } from '../store/submissions.ts';
import { sweepBlobs } from '../store/sweepBlobs.ts';
import { discardSubmission } from '../upload/receiveZip.ts';
import { dropIncoming, folderBlobs } from './folder.ts';
import { type ScoringLoop, scoringLoop } from './scoringLoop.ts';
import { lockFolder, openSqlite } from './sqlite.ts';
import { threadPool } from './threadPool.ts';

export interface NodeServices {
  readonly services: Services;
  readonly loop: ScoringLoop;
  /** The owner's key where the folder was new; it is nowhere else. */
  readonly ownerKey: string | undefined;
  /** Lets what is under way end, and lets go of the folder. */
  close(): Promise<void>;
}

/** Opens a data folder, or creates it, and clears up after a process that died. */
export async function nodeServices(
  data: string,
  environment: Readonly<Record<string, string | undefined>>,
  addressOf: (c: Context) => string,
): Promise<NodeServices> {
  mkdirSync(data, { recursive: true });
  const unlock = lockFolder(join(data, 'lock'));
  const limits = limitsFrom(environment);
  const blobFolder = join(data, 'blobs');
  const blobs = await folderBlobs(blobFolder);
  const db = openSqlite(join(data, 'evaluator.sqlite'));
  await migrate(db);
  // One core is left to requests; a machine of one core shares it.
  const threads = Math.max(1, availableParallelism() - 1);
  const pool = threadPool(blobFolder, threads);
  const logError = (error: unknown) => {
    process.stderr.write(`evaluator: ${error instanceof Error ? error.stack : String(error)}\n`);
  };
  const work = { db, compute: pool.compute, limits, logError };
  const loop = scoringLoop(work, threads);
  const services: Services = {
    ...work,
    blobs,
    enqueue: async () => loop.wake(),
    rateLimit: memoryRateLimit(limits.requestsPerMinute),
    addressOf,
  };

  await dropIncoming(blobFolder);
  for (const id of await interruptedZips(db)) await discardSubmission(services, { id });
  await requeueInterrupted(db);
  await sweepBlobs(db, blobs, 0);

  return {
    services,
    loop,
    ownerKey: await firstOwnerKey(services),
    async close() {
      await loop.stop();
      await pool.close();
      await db.destroy();
      unlock();
    },
  };
}

async function firstOwnerKey({ db }: Services): Promise<string | undefined> {
  if (await hasOwner(db)) return undefined;
  const { key, record } = await makeKey({ role: 'owner', challengeId: null, team: null, expiresAt: null });
  await insertKey(db, record);
  return key;
}
