/** What the page and its worker hold, in bytes, as the browser counts it. */
import type { CDPSession, Page } from 'playwright-core';

/** What one of the two holds once garbage is collected. */
interface Held {
  /** Typed arrays. */
  readonly arrays: number;
  /** All other objects of JavaScript. */
  readonly objects: number;
}

export interface PageMemory {
  readonly page: Held;
  readonly worker: Held;
  /** The buffers of WebGPU that were made since it was opened, and not destroyed. */
  readonly gpu: number;
}

/** Sends a command of the DevTools protocol. */
type Send = (method: string) => Promise<unknown>;

/** Opens the account of a page with one worker, which has made no buffer yet; what it returns reads it. */
export async function memoryOf(page: Page): Promise<() => Promise<PageMemory>> {
  const session = await page.context().newCDPSession(page);
  const toPage: Send = (method) => session.send(method as 'Runtime.getHeapUsage');
  const toWorker = await workerOf(session);
  await countBuffers(page);
  return async () => ({
    page: await heldBy(toPage),
    worker: await heldBy(toWorker),
    gpu: await page.workers()[0]!.evaluate(() => (globalThis as unknown as Counting).gpuBytes),
  });
}

/** The least of three counts: what is let go of between collecting and counting is in one by chance, not in all. */
async function heldBy(send: Send): Promise<Held> {
  const counts: Held[] = [];
  while (counts.length < 3) {
    await send('HeapProfiler.collectGarbage');
    const usage = await send('Runtime.getHeapUsage');
    const { usedSize, backingStorageSize } = usage as { usedSize: number; backingStorageSize: number };
    counts.push({ arrays: backingStorageSize, objects: usedSize });
  }
  const least = (part: keyof Held) => Math.min(...counts.map((count) => count[part]));
  return { arrays: least('arrays'), objects: least('objects') };
}

/** The worker of a page, which the protocol reaches by messages in messages. */
async function workerOf(session: CDPSession): Promise<Send> {
  const attached = new Promise<string>((resolve) => {
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') resolve(sessionId); // and not the service worker
    });
  });
  await session.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const sessionId = await attached;
  const waiting = new Map<number, (result: unknown) => void>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
  });
  let lastId = 0;
  return (method) =>
    new Promise((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
    });
}

/** Where the worker keeps its count. */
interface Counting {
  gpuBytes: number;
}

/** Has the worker count the bytes of the buffers that it makes and destroys. */
async function countBuffers(page: Page): Promise<void> {
  await page.workers()[0]!.evaluate(() => {
    const counting = globalThis as unknown as Counting;
    counting.gpuBytes = 0;
    const { createBuffer } = GPUDevice.prototype;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      counting.gpuBytes += buffer.size;
      const { destroy } = buffer;
      buffer.destroy = () => {
        counting.gpuBytes -= buffer.size;
        buffer.destroy = destroy;
        buffer.destroy();
      };
      return buffer;
    };
  });
}
