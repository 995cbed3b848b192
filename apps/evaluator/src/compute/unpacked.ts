/** A stored mask, unpacked as it is read. */
import { gunzip } from '@organseg/core/volume/gzip.ts';
import { Problem } from '../http/problem.ts';

/** The bytes, unpacked where they begin as gzip does. Throws Problem 413 past `maxBytes`. */
export async function* unpacked(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]();
  try {
    let start = new Uint8Array();
    while (start.length < 2) {
      const next = await chunks.next();
      if (next.done) break;
      start = start.length === 0 ? new Uint8Array(next.value) : Uint8Array.of(...start, ...next.value);
    }
    const whole = withStart(start, chunks);
    const isGzip = start[0] === 0x1f && start[1] === 0x8b;
    let count = 0;
    for await (const chunk of isGzip ? gunzip(whole, name) : whole) {
      count += chunk.length;
      if (count > maxBytes) throw new Problem(413, `${name}: unpacks to more than ${maxBytes} bytes`);
      yield chunk;
    }
  } finally {
    await chunks.return?.();
  }
}

async function* withStart(start: Uint8Array, chunks: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}
