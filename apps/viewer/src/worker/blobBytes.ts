/** Bytes of the browser's files, read synchronously, a part at a time, as workers can. */
import { InputError } from '@organseg/core/inputError.ts';
import type { OpenBytes } from '@organseg/files/openBytes.ts';

/** The reader that workers alone have. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** The bytes of a file, which needs no closing. */
export function blobBytes(blob: Blob, path: string): OpenBytes {
  const { size } = blob;
  return {
    path,
    size,
    read(position, length) {
      if (position + length > size) throw new InputError(`${path}: cut short`);
      try {
        return new Uint8Array(
          new FileReaderSync().readAsArrayBuffer(blob.slice(position, position + length)),
        );
      } catch (error) {
        throw unreadable(error, path);
      }
    },
    close() {},
  };
}

/** The bytes of a file as they come; `onBytes` is told how many have come. */
export async function* blobStream(
  blob: Blob,
  path: string,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  let done = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      done += next.value.length;
      onBytes(done);
      yield next.value;
    }
  } catch (error) {
    throw unreadable(error, path);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** What the browser refuses of a file, in one line; any other error as it is. */
export const unreadable = (error: unknown, path: string): unknown =>
  error instanceof DOMException && error.name !== 'AbortError'
    ? new InputError(`${path}: cannot be read any more; it was moved, deleted or changed`)
    : error;
