/** The program of a thread that cuts patches; see patchPool.ts. */
import { parentPort } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { PSEUDO } from '@organseg/kernels/codedLabels.ts';
import type { PatchReply, PatchRequest } from './patchPool.ts';
import { samplePatch } from './patchSampler.ts';
import { PreparedCase } from './preparedCase.ts';

function cut({ paths, patch, centre, size, random: state }: PatchRequest) {
  const random = Random.from(state);
  const prepared = new PreparedCase(paths);
  try {
    const sampled = samplePatch(prepared, patch, centre, random, size);
    if (paths.isPseudo) codeAsPseudo(sampled.labels);
    return { ...sampled, random: random.state };
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
