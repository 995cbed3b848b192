/** Safetensors files that are read in parts, so that the whole need not be in memory. */
import { InputError } from '@organseg/core/inputError.ts';
import {
  decodeSafetensorsHeader,
  type SafeTensor,
  type SafeTensorPlace,
  type SafeTensorsHeader,
  safetensorsHeaderBytes,
  valuesOf,
} from '@organseg/core/network/safetensors.ts';
import type { OpenBytes } from './openBytes.ts';

/** An open file, whose tensors are read synchronously, when they are asked for. Close it. */
export class OpenSafetensors {
  readonly metadata: SafeTensorsHeader['metadata'];
  /** Where the values lie. */
  readonly tensors: SafeTensorsHeader['tensors'];
  readonly #file: OpenBytes;

  /** Reads the header of a file whose bytes are open, and closes them where it throws. Throws InputError. */
  constructor(bytes: OpenBytes) {
    this.#file = bytes;
    const { path, size: fileBytes } = bytes;
    try {
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
