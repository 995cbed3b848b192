/** The bytes of a pickle, read one after another from an open file, a chunk of it in memory. */
import type { OpenBytes } from '../openBytes.ts';

/** What is wrong with a pickle, in words that follow the file's name. */
export class PickleFault extends Error {}

const CHUNK_BYTES = 256 << 10;

/** The longest text, number or array of bytes that stands in a pickle itself; weights stand outside. */
const MAX_ITEM_BYTES = 64 << 20;

/** The longest name of a module or of what it holds. */
const MAX_NAME_BYTES = 1000;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The most bytes that become characters in one call. */
const MOST_ARGUMENTS = 1 << 12;

/** Text whose characters are its bytes; what the web calls latin1 is another encoding. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += MOST_ARGUMENTS)
    text += String.fromCharCode(...bytes.subarray(at, at + MOST_ARGUMENTS));
  return text;
}

export class PickleInput {
  readonly #bytes: OpenBytes;
  #chunk = new Uint8Array();
  /** The chunk's bytes as numbers. */
  #numbers = new DataView(this.#chunk.buffer);
  #chunkPosition: number;
  #at = 0;

  constructor(bytes: OpenBytes, position = 0) {
    this.#bytes = bytes;
    this.#chunkPosition = position;
  }

  /** Where the next byte lies. */
  get position(): number {
    return this.#chunkPosition + this.#at;
  }

  uint8(): number {
    const at = this.#advance(1);
    return this.#chunk[at]!;
  }

  uint16(): number {
    const at = this.#advance(2);
    return this.#numbers.getUint16(at, true);
  }

  int32(): number {
    const at = this.#advance(4);
    return this.#numbers.getInt32(at, true);
  }

  uint32(): number {
    const at = this.#advance(4);
    return this.#numbers.getUint32(at, true);
  }

  /** A number of 64 bits; larger than any file where it does not fit a double. */
  uint64(): number {
    const at = this.#advance(8);
    return Number(this.#numbers.getBigUint64(at, true));
  }

  float64(): number {
    const at = this.#advance(8);
    return this.#numbers.getFloat64(at);
  }

  text(length: number, encoding: 'utf8' | 'latin1'): string {
    const at = this.#advance(length);
    const bytes = this.#chunk.subarray(at, at + length);
    return encoding === 'utf8' ? UTF8.decode(bytes) : latin1(bytes);
  }

  bytes(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#chunk.slice(at, at + length);
  }

  /** Text up to the end of its line. */
  line(): string {
    let text = '';
    for (let byte = this.uint8(); byte !== 0x0a; byte = this.uint8()) {
      if (text.length === MAX_NAME_BYTES)
        throw new PickleFault(`has a name of more than ${MAX_NAME_BYTES} bytes`);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Brings the next bytes into the chunk and goes past them. Returns where they begin in it. */
  #advance(length: number): number {
    if (this.#at + length > this.#chunk.length) this.#fill(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #fill(length: number): void {
    const { position } = this;
    const left = this.#bytes.size - position;
    if (length > left) throw new PickleFault('is cut short');
    if (length > MAX_ITEM_BYTES) throw new PickleFault(`has an item of ${length} bytes outside its tensors`);
    this.#chunk = this.#bytes.read(position, Math.min(left, Math.max(length, CHUNK_BYTES)));
    this.#numbers = new DataView(this.#chunk.buffer);
    this.#chunkPosition = position;
    this.#at = 0;
  }
}
