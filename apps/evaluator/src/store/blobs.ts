/** Masks, logs and what waits to be unpacked: bytes under a key that the service made up itself. */
export interface Blobs {
  /** Stores all of the bytes or nothing, durably; returns how many. Throws what the bytes throw. */
  put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** The bytes from `start` on, at most `length` of them; throws where there is no such key. */
  get(key: string, start?: number, length?: number): AsyncIterable<Uint8Array>;
  /** Deletes blobs; keys that are not there do nothing. */
  delete(keys: readonly string[]): Promise<void>;
  /** The keys of a folder and when each was stored. */
  list(folder: BlobFolder): AsyncIterable<{ key: string; storedAt: Date }>;
}

/** Masks and references; efficiency logs; and bytes that no record names and the next request may drop. */
export const BLOB_FOLDERS = ['masks', 'logs', 'scratch'] as const;
export type BlobFolder = (typeof BLOB_FOLDERS)[number];

export const newBlobKey = (folder: BlobFolder): string => `${folder}/${crypto.randomUUID()}`;
