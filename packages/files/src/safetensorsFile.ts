/** Safetensors files: read whole, or in parts, so that the whole need not be in memory. */
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
import { OpenFile } from './openFile.ts';
import { readBytes } from './read.ts';

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
  readonly #file: OpenFile;

  /** Throws InputError. */
  constructor(path: string) {
    this.#file = new OpenFile(path);
    try {
      const { size: fileBytes } = this.#file;
      const beginning = this.read(0, Math.min(8, fileBytes));
      const header = this.read(0, safetensorsHeaderBytes(beginning, fileBytes, path));
      ({ metadata: this.metadata, tensors: this.tensors } = decodeSafetensorsHeader(header, fileBytes, path));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#file.close();
  }

  /** Where a tensor lies. Throws InputError where there is none, or one of another dtype than is asked for. */
  place(name: string, dtype?: SafeTensorPlace['dtype']): SafeTensorPlace {
    const { path } = this.#file;
    const place = this.tensors.get(name);
    if (!place) throw new InputError(`${path}: it has no tensor ${name}`);
    if (dtype && place.dtype !== dtype)
      throw new InputError(`${path}: ${name} is ${place.dtype}, expected ${dtype}`);
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
    return this.#file.read(position, length);
  }
}
