/** The page's side of the worker: requests, their answers, and news while they are at work. */
import type { Fault, FromWorker, News, RequestName, Requests, ToWorker } from '../protocol.ts';

/** What went wrong with a request, told so that whoever reads the page understands it. */
export class RequestError extends Error {
  readonly kind: Fault['kind'];

  constructor({ message, kind }: Fault) {
    super(message);
    this.kind = kind;
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  onNews(news: News): void;
}

export class WorkerClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(url: URL) {
    this.#worker = new Worker(url, { type: 'module' });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    this.#worker.addEventListener('error', ({ message }) => {
      const error = new RequestError({
        kind: 'other',
        message: message || 'the worker could not be started',
      });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /** Asks, and waits until those asked before are answered. Throws RequestError. */
  ask<Name extends RequestName>(
    request: Name,
    args: Requests[Name]['args'],
    onNews: (news: News) => void = () => {},
  ): Promise<Requests[Name]['answer']> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onNews });
      this.#send({ id, request, args });
    });
  }

  /** Stops the request at work, which fails. */
  cancel(): void {
    this.#send({ cancel: true });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if ('news' in message) {
      waiting.onNews(message.news);
      return;
    }
    this.#waiting.delete(message.id);
    if ('fault' in message) waiting.reject(new RequestError(message.fault));
    else waiting.resolve(message.answer);
  }
}
