/** The service as a Cloudflare Worker: requests, the queue of cases to score, and a daily clean-up. */
import { createApp } from '../app.ts';
import { type Bindings, cloudflareServices, type QueueMessage } from '../cloudflare/services.ts';
import { claimCase, interruptedZips, unscoredCases } from '../store/submissions.ts';
import { sweepBlobs } from '../store/sweepBlobs.ts';
import { discardSubmission } from '../submission/lifeCycle.ts';
import { scoreQueuedCase } from '../submission/scoreQueuedCase.ts';

const app = createApp(cloudflareServices);

/** A case that waits for so long was lost on its way, and a zip that is received for so long is not. */
const LOST_MS = 60 * 60_000;

export default {
  fetch: app.fetch,

  /** A message comes again where this dies on it; one whose case is scored already does nothing. */
  async queue(batch: { messages: readonly { body: QueueMessage }[] }, bindings: Bindings): Promise<void> {
    const services = await cloudflareServices(bindings);
    for (const { body } of batch.messages) {
      const queued = await claimCase(services.db, body.submissionId, body.name);
      if (queued) await scoreQueuedCase(services, queued);
    }
  },

  async scheduled(_event: unknown, bindings: Bindings): Promise<void> {
    const services = await cloudflareServices(bindings);
    const { db, blobs, enqueue } = services;
    const before = new Date(Date.now() - LOST_MS).toISOString();
    for (const { submissionId, name } of await unscoredCases(db, before)) await enqueue(submissionId, [name]);
    for (const id of await interruptedZips(db, before)) await discardSubmission(services, id);
    await sweepBlobs(db, blobs);
  },
};
