/** Request bodies as streams of bounded length. */
import { concatenated } from '@organseg/core/volume/concatenated.ts';
import type { Context } from 'hono';
import { Problem } from '../http/problem.ts';

/** A request's body as it comes. Throws Problem 413 where it is announced as, or turns out, longer than `maxBytes`. */
export function bodyOf(c: Context, maxBytes: number): AsyncGenerator<Uint8Array> {
  const tooLarge = () => new Problem(413, `the body has more than ${maxBytes} bytes`);
  if (Number(c.req.header('content-length') ?? 0) > maxBytes) throw tooLarge();
  return limited(streamOf(c.req.raw.body), maxBytes, tooLarge);
}

/** The same bytes; throws what `fault` makes where there are more than `maxBytes`. */
export async function* limited(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
  fault: () => Error,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    if (count > maxBytes) throw fault();
    yield chunk;
  }
}

async function* streamOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(400, 'the upload was cut off');
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** All bytes in one array, for what is small. */
export async function collected(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return concatenated(chunks);
}

/** Throws Problem 415 where a request names a content type that is none of `types`. */
export function requireType(c: Context, types: readonly string[]): void {
  const given = c.req.header('content-type')?.split(';')[0].trim().toLowerCase();
  if (given === undefined || types.includes(given)) return;
  throw new Problem(415, `the content type is ${given}; expected ${types.join(' or ')}`);
}
