/**
 * The service as an AWS Lambda function: requests of a function URL or an HTTP API, and a schedule's event, which
 * scores what is queued. The database and the masks lie on EFS, mounted at EVALUATOR_DATA; the function's reserved
 * concurrency must be 1, for SQLite's sake.
 */
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import { createApp } from '../app.ts';
import { type NodeServices, nodeServices } from '../node/services.ts';
import { claimNextCase } from '../store/submissions.ts';
import { scoreQueuedCase } from '../submission/scoreQueuedCase.ts';

/** What EventBridge sends. */
interface ScheduledEvent {
  readonly source: 'aws.events';
}

/** A large case takes some seconds; the next call goes on. */
const RESERVE_MS = 60_000;

let ready: Promise<NodeServices> | undefined;

function opened(): Promise<NodeServices> {
  ready ??= nodeServices({
    data: process.env.EVALUATOR_DATA ?? '/mnt/evaluator',
    environment: process.env,
    addressOf: (c) => c.env.requestContext?.http?.sourceIp ?? 'unknown',
    isServerless: true,
  }).then((node) => {
    if (node.ownerKey) process.stdout.write(`The owner's key, shown this once: ${node.ownerKey}\n`);
    return node;
  });
  return ready;
}

const answer = handle(createApp(async () => (await opened()).services));

export async function handler(event: LambdaEvent | ScheduledEvent, context: LambdaContext): Promise<unknown> {
  if (!('source' in event)) return answer(event, context);
  const { services } = await opened();
  let scored = 0;
  while (context.getRemainingTimeInMillis() > RESERVE_MS) {
    const queued = await claimNextCase(services.db);
    if (!queued) break;
    await scoreQueuedCase(services, queued);
    scored++;
  }
  return { scored };
}
