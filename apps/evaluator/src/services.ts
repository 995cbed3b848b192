/** What an entry hands to the app, and what the app's routes find in their context. */
import type { Context } from 'hono';
import type { Kysely } from 'kysely';
import type { Compute } from './compute/compute.ts';
import type { RateLimit } from './http/rateLimit.ts';
import type { Limits } from './limits.ts';
import type { Blobs } from './store/blobs.ts';
import type { Challenge } from './store/challenges.ts';
import type { KeyRecord } from './store/keys.ts';
import type { Submission } from './store/submissions.ts';
import type { Tables } from './store/tables.ts';

export interface Services {
  readonly db: Kysely<Tables>;
  readonly blobs: Blobs;
  /** Reads and scores masks, a bounded number at a time. */
  readonly compute: Compute;
  /** Sees to it that a completed submission's cases are scored some time after this returns. */
  readonly enqueue: (submissionId: string, cases: readonly string[]) => Promise<void>;
  readonly limits: Limits;
  readonly rateLimit: RateLimit;
  /** The caller's network address. */
  readonly addressOf: (c: Context) => string;
  /** How long an answer may stay open; whoever watches longer asks again. */
  readonly watchMs: number;
  /** Notes an error that the caller must not see. */
  readonly logError: (error: unknown) => void;
}

export interface Env {
  // biome-ignore lint/suspicious/noExplicitAny: each platform has bindings of its own.
  Bindings: any;
  Variables: {
    services: Services;
    /** The key that the request came with; null without one. */
    key: KeyRecord | null;
    /** The challenge that the route's path names, or that its submission belongs to. */
    challenge: Challenge;
    /** The submission that the route's path names. */
    submission: Submission;
  };
}
