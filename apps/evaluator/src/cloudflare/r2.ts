/** Blobs in Cloudflare R2. An object appears when its upload is completed, whole. */
import type { Blobs } from '../store/blobs.ts';

/** The part of an R2 bucket's interface that is used. */
export interface Bucket {
  put(key: string, value: Uint8Array): Promise<unknown>;
  get(
    key: string,
    options?: { range: { offset: number; length?: number } },
  ): Promise<{ body: ReadableStream<Uint8Array> } | null>;
  delete(keys: string[]): Promise<void>;
  list(options: { prefix: string; cursor?: string }): Promise<{
    objects: { key: string; uploaded: Date }[];
    truncated: boolean;
    cursor?: string;
  }>;
  createMultipartUpload(key: string): Promise<{
    uploadPart(number: number, value: Uint8Array): Promise<UploadedPart>;
    complete(parts: UploadedPart[]): Promise<unknown>;
    abort(): Promise<void>;
  }>;
}

interface UploadedPart {
  partNumber: number;
  etag: string;
}

/** R2 wants parts of one size, of at least 5 MiB, but for the last. */
const PART_BYTES = 5 << 20;
/** As many keys as R2 deletes in one call. */
const MAX_DELETED = 1000;

export function r2Blobs(bucket: Bucket): Blobs {
  return {
    async put(key, bytes) {
      const parts = inParts(bytes);
      const first = (await parts.next()).value ?? new Uint8Array();
      if (first.length < PART_BYTES) {
        await bucket.put(key, first);
        return first.length;
      }
      const upload = await bucket.createMultipartUpload(key);
      try {
        const uploaded = [await upload.uploadPart(1, first)];
        let count = first.length;
        for await (const part of parts) {
          uploaded.push(await upload.uploadPart(uploaded.length + 1, part));
          count += part.length;
        }
        await upload.complete(uploaded);
        return count;
      } catch (error) {
        await upload.abort();
        throw error;
      }
    },
    async *get(key, offset = 0, length) {
      // An empty object has no range.
      const isWhole = offset === 0 && length === undefined;
      const range = { offset, ...(length !== undefined && { length }) };
      const object = await (isWhole ? bucket.get(key) : bucket.get(key, { range }));
      if (!object) throw new Error(`${key} is not in the bucket`);
      const reader = object.body.getReader();
      try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
      } finally {
        await reader.cancel().catch(() => {});
      }
    },
    async delete(keys) {
      for (let at = 0; at < keys.length; at += MAX_DELETED) {
        await bucket.delete(keys.slice(at, at + MAX_DELETED));
      }
    },
    async *list(folder) {
      for (let cursor: string | undefined, more = true; more; ) {
        const page = await bucket.list({ prefix: `${folder}/`, ...(cursor !== undefined && { cursor }) });
        for (const { key, uploaded } of page.objects) yield { key, storedAt: uploaded };
        cursor = page.cursor;
        more = page.truncated;
      }
    },
  };
}

/** The bytes in parts of PART_BYTES, each in memory of its own; the last is shorter. */
async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.subarray(at, at + PART_BYTES - filled);
      part.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < PART_BYTES) continue;
      yield part;
      part = new Uint8Array(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
