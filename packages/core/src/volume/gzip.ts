/**
 * Gzip as streams, on the platform's own codec unless another is given; codecs check the checksum and the length at
 * the end.
 */
import { InputError } from '../inputError.ts';

export type Codec = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/**
 * Fed in slices so small (deflate expands at most 1032-fold) that a platform which inflates all it is given,
 * asked or not, stays within 16 MiB.
 */
const SLICE_BYTES = 16 << 10;

/** Inflates as it is read, no further. Throws InputError where the bytes are not one whole gzip stream. */
export async function* gunzip(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  inflate: Codec = (deflated) => through(slices(deflated), new DecompressionStream('gzip')),
): AsyncGenerator<Uint8Array> {
  try {
    yield* inflate(bytes);
  } catch (error) {
    // What the source throws passes as it is.
    if (isCodecFault(error)) throw new InputError(`${name}: ${gzipFault(error)}`);
    throw error;
  }
}

/** Deflates as it is read. The stream carries no time and no name: same bytes in, same bytes out. */
export function gzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return through(bytes, new CompressionStream('gzip'));
}

async function* slices(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
  }
}

async function* through(
  bytes: AsyncIterable<Uint8Array>,
  codec: CompressionStream | DecompressionStream,
): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  const pull = async (controller: ReadableStreamDefaultController) => {
    const next = await source.next();
    if (next.done) controller.close();
    else controller.enqueue(next.value);
  };
  try {
    yield* new ReadableStream({ pull }, { highWaterMark: 0 }).pipeThrough(codec);
  } finally {
    // Cancelling the codec reaches its source only later, if at all.
    await source.return?.();
  }
}

type CodecFault = Error & { code?: string };

/** The platform's codec throws TypeErrors, Node's zlib errors with codes of its own. */
const isCodecFault = (error: unknown): error is CodecFault =>
  error instanceof TypeError ||
  (error instanceof Error && /^Z_|^ERR_TRAILING_JUNK/.test((error as CodecFault).code ?? ''));

/** Node says what is wrong, in the cause or itself; elsewhere only that something is. */
function gzipFault(error: CodecFault): string {
  const detail = error.cause instanceof Error ? error.cause.message : error.message;
  if (/data check/.test(detail)) return 'the gzip checksum is wrong';
  if (/length check/.test(detail)) return 'the gzip length is wrong';
  if (/header check/.test(detail)) return 'the name says gzip, the content is not';
  if (/unexpected end/.test(detail)) return 'the gzip stream is cut short';
  if (error.code === 'ERR_TRAILING_JUNK_AFTER_STREAM_END') return 'data follows the end of the gzip stream';
  return 'the gzip stream is damaged';
}
