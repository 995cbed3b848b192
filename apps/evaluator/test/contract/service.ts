/** What the parts of the contract share: who calls the service, and what a refusal looks like. */
import { expect } from 'vitest';
import type { Client } from '../client.ts';

/** The service that is tested, by its callers; there are none before the tests begin. */
export interface Service {
  readonly anyone: Client;
  readonly owner: Client;
}

/** A refusal, as RFC 9457 has it. */
export const problem = (status: number, detail: string | RegExp) => ({
  status,
  body: { status, type: 'about:blank', detail: expect.stringMatching(detail) },
});
