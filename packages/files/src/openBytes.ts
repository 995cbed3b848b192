/** Bytes that are read synchronously, a part at a time, wherever they lie. */
import { InputError } from '@organseg/core/inputError.ts';

/** Bytes that are read at any place: of an open file, or of a part of one. */
export interface OpenBytes {
  /** How messages name them. */
  readonly path: string;
  /** Their number. */
  readonly size: number;
  /** Some of them in a buffer of their own, so that wider elements are aligned in it. Throws InputError. */
  read(position: number, length: number): Uint8Array<ArrayBuffer>;
  /** Closes the file, whatever part of it this is. */
  close(): void;
}

/** A part of open bytes. Throws InputError where it does not lie in them. */
export function partOf(whole: OpenBytes, first: number, size: number, path = whole.path): OpenBytes {
  if (first + size > whole.size) throw new InputError(`${path}: cut short`);
  return {
    path,
    size,
    read(position, length) {
      if (position + length > size) throw new InputError(`${path}: cut short`);
      return whole.read(first + position, length);
    },
    close: () => whole.close(),
  };
}
