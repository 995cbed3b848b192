/** Files that stay open and are read synchronously, a part at a time. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { asInputError } from './errors.ts';
import type { OpenBytes } from './openBytes.ts';
import { assertFile } from './read.ts';

/** An open file, read as it was when it was opened, even where another has taken its name since. Close it. */
export class OpenFile implements OpenBytes {
  readonly path: string;
  readonly size: number;
  readonly #file: number;

  /** Messages name the file `shown`. Throws InputError. */
  constructor(path: string, shown = path) {
    this.path = shown;
    assertFile(path);
    try {
      this.#file = openSync(path, 'r');
    } catch (error) {
      throw asInputError(error, shown);
    }
    this.size = fstatSync(this.#file).size;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    if (position + length > this.size) throw new InputError(`${this.path}: cut short`);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = this.#readAt(bytes, done, position + done);
      if (read === 0) throw new InputError(`${this.path}: cut short`);
      done += read;
    }
    return bytes;
  }

  #readAt(bytes: Uint8Array, offset: number, position: number): number {
    try {
      return readSync(this.#file, bytes, offset, bytes.length - offset, position);
    } catch (error) {
      throw asInputError(error, this.path);
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
