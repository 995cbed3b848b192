/** Pickles put together by hand, PyTorch's files of them, and where the reference files are. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InputError } from '@organseg/core/inputError.ts';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js/index-native.js';
import type { OpenBytes } from '../openBytes.ts';

/** A reference file or folder, or undefined where they are not beside the repository. */
export function golden(path: string): string | undefined {
  const file = fileURLToPath(new URL(`../../../../../shared/golden/${path}`, import.meta.url));
  return existsSync(file) ? file : undefined;
}

/** Bytes in memory, read as those of a file; their reads are counted. */
export class BytesInMemory implements OpenBytes {
  readonly path = 'network.pth';
  readonly size: number;
  bytesRead = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  read(position: number, length: number): Uint8Array<ArrayBuffer> {
    if (position + length > this.size) throw new InputError(`${this.path}: cut short`);
    this.bytesRead += length;
    return new Uint8Array(this.#bytes.subarray(position, position + length));
  }

  close(): void {}
}

/** The pickle of these parts: operations by their character or code, and texts written by `text` and `name`. */
export const pickle = (...parts: (string | number | Uint8Array)[]): Uint8Array =>
  Buffer.concat(
    [0x80, 2, ...parts, '.'].map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string, 'latin1'),
    ),
  );

export function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([Buffer.from('X'), length, bytes]);
}

export const name = (module: string, member: string): string => `c${module}\n${member}\n`;

export function integer(value: number): Uint8Array {
  const bytes = Buffer.from('J....');
  bytes.writeInt32LE(value, 1);
  return bytes;
}

/** The parts of a tensor in a pickle. */
export const tensor = (
  key: string,
  storage: string,
  elements: number,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): (string | number | Uint8Array)[] => [
  name('torch._utils', '_rebuild_tensor_v2'),
  ...['(', '(', text('storage'), name('torch', storage), text(key), text('cpu'), integer(elements), 't', 'Q'],
  ...[integer(offset), '(', ...shape.map(integer), 't', '(', ...strides.map(integer), 't'],
  ...[0x89, name('collections', 'OrderedDict'), ')', 'R', 't', 'R'],
];

interface ZipOptions {
  readonly level?: number;
  readonly password?: string;
  readonly zip64?: boolean;
  readonly dataDescriptor?: boolean;
}

/** A zip of files by name. */
export async function zipOf(
  files: ReadonlyMap<string, Uint8Array>,
  options: ZipOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), options);
  for (const [path, bytes] of files) await zip.add(path, new Uint8ArrayReader(bytes));
  return await zip.close();
}

/** A zip as PyTorch writes it, of a pickle and storages by key. */
export const torchZip = (
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  options: ZipOptions = {},
): Promise<Uint8Array<ArrayBuffer>> =>
  zipOf(
    new Map([
      ['network/data.pkl', data],
      ...Object.entries(storages).map(([key, bytes]): [string, Uint8Array] => [`network/data/${key}`, bytes]),
    ]),
    { level: 0, dataDescriptor: true, ...options },
  );

/** The bytes of float32 values. */
export const floatBytes = (...values: number[]): Uint8Array =>
  new Uint8Array(new Float32Array(values).buffer);
