/** Gzip by Node's zlib itself: in larger pieces than its web streams take, which doubles its speed. */
import { pipeline, type Transform } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';

const CHUNK_BYTES = 256 << 10;

/** Label maps take a third of the time that zlib's usual 6 does, and are up to 40 % larger. */
const LEVEL = 4;

export const inflate = (bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  through(bytes, createGunzip({ chunkSize: CHUNK_BYTES, rejectGarbageAfterEnd: true }));

export const deflate = (bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
  through(bytes, createGzip({ chunkSize: CHUNK_BYTES, level: LEVEL }));

function through(bytes: AsyncIterable<Uint8Array>, codec: Transform): AsyncIterable<Uint8Array> {
  pipeline(bytes, codec, () => {}); // whoever reads the codec hears of faults
  return codec;
}
