/**
 * Threads that read and cut patches while the main thread feeds the GPU. Not piscina, which the evaluator has: it
 * loads a file of its own into each thread, which a bundle of one file a program does not hold.
 */

import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { InputError } from '@organseg/core/inputError.ts';
import { programBeside } from '@organseg/files/threads/programBeside.ts';
import { startThread } from '@organseg/files/threads/thread.ts';
import type { PatchCutter, PatchRequest, SampledPatch } from './patchSampler.ts';

export type PatchReply =
  | { readonly id: number; readonly sampled: SampledPatch }
  /** A thread's errors arrive as plain ones: which of them blame the input goes beside. */
  | { readonly id: number; readonly fault: Error; readonly isInputError: boolean };

interface Waiting {
  resolve(patch: SampledPatch): void;
  reject(error: Error): void;
}

const WORKER = programBeside(import.meta.url, 'patchWorker');
/** The main thread and the GPU's driver want a core too. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));

export class PatchPool implements PatchCutter {
  readonly #threads: Worker[] = [];
  readonly #waiting = new Map<number, Waiting>();
  #requests = 0;
  #fault: Error | undefined;

  /** A patch that a thread reads and cuts. */
  sample(request: PatchRequest): Promise<SampledPatch> {
    if (this.#fault) return Promise.reject(this.#fault);
    const id = this.#requests++;
    const thread = this.#threads[id % THREADS] ?? this.#startThread();
    thread.postMessage({ id, request });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #startThread(): Worker {
    const thread = startThread(WORKER);
    thread.on('message', (reply: PatchReply) => this.#settle(reply));
    thread.on('error', (error) => this.#fail(error as Error));
    thread.on('exit', () => this.#fail(new Error('a thread that cuts patches has ended')));
    this.#threads.push(thread);
    return thread;
  }

  #settle(reply: PatchReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('sampled' in reply) waiting?.resolve(reply.sampled);
    else waiting?.reject(reply.isInputError ? new InputError(reply.fault.message) : reply.fault);
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
  }

  /** Ends the threads; what was asked for and has not come is rejected. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
