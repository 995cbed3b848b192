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
  // Chromium calls a file that has changed a TypeError here, a "network error".
  const read = () =>
    reader.read().catch(() => {
      throw gone(path);
    });
  let done = 0;
  try {
    for (let next = await read(); !next.done; next = await read()) {
      done += next.value.length;
      onBytes(done);
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** What the browser refuses of a file, in one line; any other error as it is. */
export const unreadable = (error: unknown, path: string): unknown =>
  error instanceof DOMException && error.name !== 'AbortError' ? gone(path) : error;

const gone = (path: string) =>
  new InputError(`${path}: cannot be read any more; it was moved, deleted or changed`);
