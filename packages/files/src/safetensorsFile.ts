/** Safetensors files: read whole, or in parts, so that the whole need not be in memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import {
  decodeSafetensors,
  decodeSafetensorsHeader,
  type SafeTensor,
  type SafeTensorPlace,
  type SafeTensors,
  type SafeTensorsHeader,
  safetensorsHeaderBytes,
  valuesOf,
} from '@organseg/core/network/safetensors.ts';
import { asInputError } from './errors.ts';
import { assertFile, readBytes } from './read.ts';

/** A safetensors file, whole. Throws InputError. */
export async function readSafetensorsFile(path: string): Promise<SafeTensors> {
  return decodeSafetensors(await readBytes(path), path);
}

/**
 * An open file, read as it was when it was opened, even where another has taken its name since. Reading is
 * synchronous. Close it.
 */
export class SafetensorsFile {
  readonly metadata: SafeTensorsHeader['metadata'];
  /** Where the values lie. */
  readonly tensors: SafeTensorsHeader['tensors'];
  readonly #path: string;
  readonly #file: number;

  /** Throws InputError. */
  constructor(path: string) {
    this.#path = path;
    assertFile(path);
    try {
      this.#file = openSync(path, 'r');
    } catch (error) {
      throw asInputError(error, path);
    }
    try {
      const { size: fileBytes } = fstatSync(this.#file);
      const beginning = this.read(0, Math.min(8, fileBytes));
      const header = this.read(0, safetensorsHeaderBytes(beginning, fileBytes, path));
      ({ metadata: this.metadata, tensors: this.tensors } = decodeSafetensorsHeader(header, fileBytes, path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Where a tensor lies. Throws InputError where there is none, or one of another dtype than is asked for. */
  place(name: string, dtype?: SafeTensorPlace['dtype']): SafeTensorPlace {
    const place = this.tensors.get(name);
    if (!place) throw new InputError(`${this.#path}: it has no tensor ${name}`);
    if (dtype && place.dtype !== dtype)
      throw new InputError(`${this.#path}: ${name} is ${place.dtype}, expected ${dtype}`);
    return place;
  }

  /** A tensor of the file. Throws InputError where it cannot be read. */
  tensor(name: string): SafeTensor {
    const place = this.place(name);
    return {
      shape: place.shape,
      values: valuesOf(this.read(place.firstByte, place.byteLength), place.dtype),
    };
  }

  /** Bytes of the file in a buffer of their own, so that wider elements are aligned in it. Throws InputError. */
  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = this.#readAt(bytes, done, position + done);
      if (read === 0) throw new InputError(`${this.#path}: cut short`);
      done += read;
    }
    return bytes;
  }

  #readAt(bytes: Uint8Array, offset: number, position: number): number {
    try {
      return readSync(this.#file, bytes, offset, bytes.length - offset, position);
    } catch (error) {
      throw asInputError(error, this.#path);
    }
  }
}
