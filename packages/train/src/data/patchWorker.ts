/** The program of a thread that cuts patches; see patchPool.ts. */
import { parentPort } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { PSEUDO } from '@organseg/kernels/codedLabels.ts';
import { openPreparedCase } from './openPreparedCase.ts';
import type { PatchReply } from './patchPool.ts';
import { cutPatch, type PatchRequest } from './patchSampler.ts';

function cut(request: PatchRequest) {
  const { paths } = request;
  const prepared = openPreparedCase(paths);
  try {
    const sampled = cutPatch(prepared, request);
    if (paths.isPseudo) codeAsPseudo(sampled.labels);
    return sampled;
  } finally {
    prepared.close();
  }
}

function codeAsPseudo(labels: Uint8Array): void {
  for (let i = 0; i < labels.length; i++) labels[i]! |= PSEUDO; // what is ignored has the bit already
}

parentPort!.on('message', ({ id, request }: { id: number; request: PatchRequest }) => {
  let reply: PatchReply;
  try {
    const sampled = cut(request);
    reply = { id, sampled };
    parentPort!.postMessage(reply, [sampled.image.buffer, sampled.labels.buffer] as ArrayBuffer[]);
  } catch (error) {
    reply = { id, fault: error as Error, isInputError: error instanceof InputError };
    parentPort!.postMessage(reply);
  }
});
