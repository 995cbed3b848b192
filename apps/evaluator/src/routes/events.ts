/** The route that reports the progress of a submission as it happens. */
import { streamSSE } from 'hono/streaming';
import { api } from '../http/api.ts';
import { SubmissionPath } from '../http/parameters.ts';
import { route } from '../http/route.ts';
import { summaryOf } from '../results/submissionView.ts';
import { findSubmission, listSubmissionCases } from '../store/submissions.ts';

export const events = api();

/** The pause between two looks into the database, which all processes of a deployment share. */
const POLL_MS = 250;
/** The longest silence, as proxies close a connection that is silent for longer. */
const HEARTBEAT_MS = 15_000;

events.openapi(
  route({
    access: 'team',
    method: 'get',
    path: '/v1/submissions/{submission}/events',
    operationId: 'watchSubmission',
    summary: 'Watch a submission, as server-sent events',
    description:
      'An event `progress` with the submission’s summary at the start and at every change, and `scored`, the last, when all is done.',
    request: { params: SubmissionPath },
    responses: {
      200: {
        description: 'Events',
        content: { 'text/event-stream': { schema: { type: 'string' } as const } },
      },
    },
  }),
  (c) => {
    const { db, watchMs } = c.get('services');
    const { id } = c.get('submission');
    return streamSSE(c, async (stream) => {
      let last = '';
      const openedAt = Date.now();
      let sentAt = openedAt;
      while (!stream.aborted) {
        const submission = await findSubmission(db, id);
        if (!submission) return;
        const summary = summaryOf(submission, await listSubmissionCases(db, id));
        const data = JSON.stringify(summary);
        const isOver = summary.state === 'scored';
        if (data !== last) await stream.writeSSE({ event: isOver ? 'scored' : 'progress', data });
        else if (Date.now() - sentAt > HEARTBEAT_MS) await stream.write(': still here\n\n');
        else if (Date.now() - openedAt < watchMs) {
          await stream.sleep(POLL_MS);
          continue;
        }
        last = data;
        sentAt = Date.now();
        if (isOver || Date.now() - openedAt >= watchMs) return;
      }
    });
  },
);
