/** The service on one machine: SQLite, a folder, a pool of threads. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Context } from 'hono';
import { makeKey, recordOf } from '../auth/secret.ts';
import { memoryRateLimit } from '../http/rateLimit.ts';
import { limitsFrom } from '../limits.ts';
import type { Services } from '../services.ts';
import { hasOwner, insertKey } from '../store/keys.ts';
import { migrate } from '../store/migrations.ts';
import { interruptedZips, requeueInterrupted } from '../store/submissions.ts';
import { sweepBlobs } from '../store/sweepBlobs.ts';
import { discardSubmission } from '../submission/lifeCycle.ts';
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

export interface NodeOptions {
  /** The folder of the database and the masks. */
  readonly data: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly addressOf: (c: Context) => string;
  /**
   * The process may be frozen and thawed between requests, on a network's file system, and somebody else sees to it
   * that there is only one and that it scores.
   */
  readonly isServerless?: boolean;
}

/** Opens a data folder, or creates it, and clears up after a process that died. */
export async function nodeServices(options: NodeOptions): Promise<NodeServices> {
  const { data, environment, addressOf, isServerless = false } = options;
  mkdirSync(data, { recursive: true });
  const unlock = isServerless ? () => {} : lockFolder(join(data, 'lock'));
  const limits = limitsFrom(environment);
  const blobFolder = join(data, 'blobs');
  const blobs = await folderBlobs(blobFolder);
  const { db, close } = openSqlite(join(data, 'evaluator.sqlite'), isServerless ? 'delete' : 'wal');
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
    enqueue: async () => (isServerless ? undefined : loop.wake()),
    watchMs: isServerless ? 0 : Infinity,
    rateLimit: memoryRateLimit(limits.requestsPerMinute),
    addressOf,
  };

  await dropIncoming(blobFolder);
  for (const id of await interruptedZips(db, new Date().toISOString())) await discardSubmission(services, id);
  await requeueInterrupted(db);
  await sweepBlobs(db, blobs, 0);

  return {
    services,
    loop,
    ownerKey: await firstOwnerKey(services, environment.EVALUATOR_OWNER_KEY),
    async close() {
      await loop.stop();
      await pool.close();
      await close();
      unlock();
    },
  };
}

/** Where the environment names the owner's key it counts from now on; else a new database makes one. */
async function firstOwnerKey({ db }: Services, given: string | undefined): Promise<string | undefined> {
  const owner = { role: 'owner', challengeId: null, team: null, expiresAt: null } as const;
  if (given !== undefined) {
    await insertKey(db, await recordOf(given, owner));
    return undefined;
  }
  if (await hasOwner(db)) return undefined;
  const { key, record } = await makeKey(owner);
  await insertKey(db, record);
  return key;
}
