/**
 * Gzip as streams: inflated in JavaScript, since the platform's DecompressionStream knows no second member, or by the
 * codec that is given. A file may have several members, as bgzip writes them, and zeros after the last one, as tapes
 * leave them. Checksum and length of each member are checked.
 */
import { Inflate } from 'pako';
import { InputError } from '../inputError.ts';

export type Codec = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** Bytes that are inflated at once: deflate expands at most 1032-fold, to 16 MiB. */
const SLICE_BYTES = 16 << 10;

/** Thrown by codecs where a stream has ended, and what follows is neither another one nor zeros. */
export class TrailingDataError extends Error {}

/**
 * Inflates as it is read, no further. Throws InputError where the bytes are not whole gzip streams, one after another.
 */
export async function* gunzip(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  inflate: Codec = inflated,
): AsyncGenerator<Uint8Array> {
  const beginning: number[] = [];
  async function* watched() {
    for await (const chunk of bytes) {
      if (beginning.length < 2) beginning.push(...chunk.subarray(0, 2 - beginning.length));
      yield chunk;
    }
  }
  try {
    yield* inflate(watched());
  } catch (error) {
    // What the source throws passes as it is.
    if (isCodecFault(error)) throw new InputError(`${name}: ${gzipFault(error, beginning)}`);
    throw error;
  }
}

/** Deflates as it is read. The stream carries no time and no name: same bytes in, same bytes out. */
export async function* gzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  const pull = async (controller: ReadableStreamDefaultController) => {
    const next = await source.next();
    if (next.done) controller.close();
    else controller.enqueue(next.value);
  };
  try {
    yield* new ReadableStream({ pull }, { highWaterMark: 0 }).pipeThrough(new CompressionStream('gzip'));
  } finally {
    // Cancelling the codec reaches its source only later, if at all.
    await source.return?.();
  }
}

async function* inflated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let member = new Member();
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      // The one before ended with its slice.
      if (member.ended && !member.hasPadding && slice[0] !== 0) member = new Member();
      yield* member.take(slice);
    }
  }
  member.finish();
}

/** A gzip stream, and those after it that begin in a slice together with its end. */
class Member {
  readonly #inflate = new Inflate({ windowBits: GZIP });
  #out: Uint8Array[] = [];
  #rest = () => 0;
  /** Whether zeros came after the end. */
  hasPadding = false;

  constructor() {
    this.#inflate.onData = (chunk) => this.#out.push(chunk);
    this.#inflate.onStart = (stream) => {
      this.#rest = () => stream.avail_in;
    };
  }

  get ended(): boolean {
    return this.#inflate.ended;
  }

  /** What the bytes inflate to. Throws where they are damaged, or follow the end and are not zero. */
  take(bytes: Uint8Array): Uint8Array[] {
    let after = bytes;
    if (!this.ended) {
      this.#inflate.push(bytes);
      if (this.#inflate.err) throw codecFault(this.#inflate.msg);
      after = this.ended ? bytes.subarray(bytes.length - this.#rest()) : new Uint8Array();
    }
    this.hasPadding ||= after.length > 0;
    if (after.some((byte) => byte !== 0)) throw new TrailingDataError();
    return this.#out.splice(0);
  }

  /** Throws where the stream has not ended. */
  finish(): void {
    if (!this.ended) throw codecFault('unexpected end of file');
  }
}

/** zlib's window size for streams with gzip's header alone. */
const GZIP = 15 + 16;

type CodecFault = Error & { code?: string };

/** A fault as Node's zlib throws it. */
const codecFault = (message: string): CodecFault =>
  Object.assign(new Error(message), { code: 'Z_DATA_ERROR' });

const isCodecFault = (error: unknown): error is CodecFault =>
  error instanceof TrailingDataError ||
  (error instanceof Error && /^Z_/.test((error as CodecFault).code ?? ''));

/** zlib's fault in words; `beginning` are the first two bytes, or as many as there were. */
function gzipFault(error: CodecFault, [first, second]: readonly number[]): string {
  if (first === undefined) return 'the file is empty';
  const isGzip = first === 0x1f && second === 0x8b;
  if (error instanceof TrailingDataError) return 'data follows the end of the gzip stream';
  if (/header check/.test(error.message))
    return isGzip ? 'data follows the end of the gzip stream' : 'the name says gzip, the content is not';
  if (/data check/.test(error.message)) return 'the gzip checksum is wrong';
  if (/length check/.test(error.message)) return 'the gzip length is wrong';
  if (/unexpected end/.test(error.message)) return 'the gzip stream is cut short';
  return 'the gzip stream is damaged';
}
