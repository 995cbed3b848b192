/** Pickles put together by hand, PyTorch's files of them, and where the reference files are. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InputError } from '@organseg/core/inputError.ts';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js/index-native.js';
import type { OpenBytes } from '../openFile.ts';

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

/** A zip as PyTorch writes it, of a pickle and storages by key. */
export async function torchZip(
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
  options: { level?: number; password?: string; zip64?: boolean } = {},
): Promise<Uint8Array> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { level: 0, dataDescriptor: true, ...options });
  const entries = {
    'data.pkl': data,
    ...Object.fromEntries(Object.entries(storages).map(([key, bytes]) => [`data/${key}`, bytes])),
  };
  for (const [path, bytes] of Object.entries(entries))
    await zip.add(`network/${path}`, new Uint8ArrayReader(bytes));
  return await zip.close();
}

/** The bytes of float32 values. */
export const floatBytes = (...values: number[]): Uint8Array =>
  new Uint8Array(new Float32Array(values).buffer);
