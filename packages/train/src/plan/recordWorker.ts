/** The program of a thread that reads cases for a fingerprint; see recordPool.ts. */
import { parentPort } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { recordCase } from './caseRecord.ts';
import type { RecordReply, RecordRequest } from './recordPool.ts';

parentPort!.on('message', async ({ source, channelNames }: RecordRequest) => {
  let reply: RecordReply;
  try {
    reply = { record: await recordCase(source, channelNames) };
  } catch (error) {
    reply = { fault: error as Error, isInputError: error instanceof InputError };
  }
  parentPort!.postMessage(reply);
});
