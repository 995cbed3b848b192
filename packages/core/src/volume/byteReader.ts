/** A stream of bytes, read in pieces of the size that a parser asks for. */
import type { Codec } from './gzip.ts';

/** Bytes of a file as they come, and the name that error messages give it. */
export interface ByteSource {
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Where it is gzipped, what inflates it; the platform's codec unless given. */
  readonly inflate?: Codec;
}

/** Reads a stream of chunks in pieces of the size that the caller wants, and never ahead of it. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Fills the target; returns how many bytes there were, fewer only at the end of the stream. */
  async fill(target: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < target.length && !(await this.atEnd())) {
      const part = this.#take(target.length - filled);
      target.set(part, filled);
      filled += part.length;
    }
    return filled;
  }

  /** Drops bytes; returns how many there were, fewer only at the end of the stream. */
  async skip(count: number): Promise<number> {
    let skipped = 0;
    while (skipped < count && !(await this.atEnd())) skipped += this.#take(count - skipped).length;
    return skipped;
  }

  async atEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return true;
      this.#rest = next.value;
    }
    return false;
  }

  /** Lets the source close what it holds open. */
  async cancel(): Promise<void> {
    await this.#chunks.return?.();
  }

  #take(atMost: number): Uint8Array {
    const part = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
