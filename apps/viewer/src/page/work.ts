/** The page's work: asked of its worker one after another; the page tells how far it is, and what went wrong. */
import type { News } from '../protocol.ts';
import { tellEnd, tellShare } from './background.ts';
import { element, show } from './dom.ts';
import { Progress } from './progress.ts';
import { RequestError, WorkerClient } from './worker.ts';

export const worker = new WorkerClient(new URL('worker.js', import.meta.url));
const progress = new Progress();
let atWork = 0;
let isHeld = false;
let isCancelled = false;
let whenChanged = () => {};

/** Whether something is at work. */
export const isWorking = (): boolean => atWork > 0;

/** Whether no other work may begin: something is at work, or the user is at something that it would disturb. */
export const isBusy = (): boolean => isWorking() || isHeld;

/** Whether what the user wants cannot begin now; then the page says why. */
export function isRefused(): boolean {
  if (!isBusy()) return false;
  const why = isWorking()
    ? 'the page was at work. Wait, or cancel'
    : 'labels were being corrected. Use or discard them';
  show('fault', `Not done: ${why}, then try again.`);
  return true;
}

/** Lets no other work begin, or lets it again. */
export function hold(held: boolean): void {
  isHeld = held;
  whenChanged();
}

/** Has `listener` called whenever work begins or ends. */
export function onWork(listener: () => void): void {
  whenChanged = listener;
}

/** Stops what is at work, once: what is then put back as it was is not stopped. */
export function cancel(): void {
  if (!isWorking() || isCancelled) return;
  isCancelled = true;
  worker.cancel();
  show('status', 'Cancelling…');
  whenChanged();
}

/** Whether what is at work has been cancelled, and ends. */
export const isEnding = (): boolean => isCancelled;

/** Throws where what is at work has been cancelled; for between what is asked of the worker, which hears of it while it works. */
export function throwIfCancelled(): void {
  if (isCancelled) throw new RequestError({ kind: 'cancelled', message: 'cancelled' });
}

/** Does work of which the page tells how far it is, and what went wrong. Returns whether nothing did. */
export async function during(work: (onNews: (news: News) => void) => Promise<void>): Promise<boolean> {
  if (atWork++ === 0) isCancelled = false;
  show('fault', '');
  whenChanged();
  const bar = element<HTMLProgressElement>('bar');
  bar.value = 0;
  try {
    await work((news) => {
      if (isCancelled) return;
      bar.value = news.share;
      show('status', progress.line(news, performance.now()) + tellShare(news.share));
    });
    return true;
  } catch (error) {
    show('status', '');
    tell(error);
    return false;
  } finally {
    if (--atWork === 0) tellEnd();
    whenChanged();
  }
}

/** What went wrong, and what to do about it. */
export function tell(error: unknown): void {
  const { message, kind } = error instanceof RequestError ? error : { message: String(error), kind: 'other' };
  if (kind === 'cancelled') show('status', 'Cancelled.');
  else if (kind === 'no GPU') show('fault', `${message}. ${GPU_ADVICE}`);
  else if (kind === 'memory') show('fault', `${message}. ${MEMORY_ADVICE}`);
  else if (kind === 'other') show('fault', `Something went wrong: ${message}. Reload the page to go on.`);
  else show('fault', message);
}

const GPU_ADVICE =
  'Segmenting needs WebGPU: Chrome or Edge 114, Safari 26, Firefox 141 or newer, with hardware acceleration on.';

const MEMORY_ADVICE = 'Close other pages that use the GPU, change what it may take, and segment again.';
