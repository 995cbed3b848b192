/**
 * Random numbers that can be addressed: the n-th number of a stream is a pure function of (seed, stream, n).
 * So a state is three integers, resuming is exact, and independent streams cost nothing.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 2 ** 32;

/** The upper 32 bits of the 64-bit product of two uint32. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (low >>> 16);
}

/** Philox4x32-10: a counter of four uint32 (low word first) under a key of two → four random uint32. */
export function philox4x32(
  counter: ArrayLike<number>,
  key: ArrayLike<number>,
  out: Uint32Array = new Uint32Array(4),
): Uint32Array {
  let c0 = counter[0] >>> 0;
  let c1 = counter[1] >>> 0;
  let c2 = counter[2] >>> 0;
  let c3 = counter[3] >>> 0;
  let k0 = key[0] >>> 0;
  let k1 = key[1] >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** The state of a generator, as plain JSON. `counter` is the number of uint32 drawn so far. */
export interface RandomState {
  readonly seed: string;
  readonly stream: string;
  readonly counter: number;
}

/** A stream of random numbers. */
export class Random {
  private readonly seed: bigint;
  private readonly stream: bigint;
  private readonly key: Uint32Array;
  /** The 128-bit counter: low half the block's number, high half the stream. */
  private readonly counter: Uint32Array;
  private readonly block = new Uint32Array(4);
  private drawn = 0;

  /** `seed` and `stream` are taken modulo 2⁶⁴. */
  constructor(seed: bigint | number, stream: bigint | number = 0) {
    this.seed = BigInt.asUintN(64, BigInt(seed));
    this.stream = BigInt.asUintN(64, BigInt(stream));
    this.key = words(this.seed);
    this.counter = Uint32Array.of(0, 0, ...words(this.stream));
  }

  /** A generator that goes on from a state. */
  static from(state: RandomState): Random {
    const random = new Random(BigInt(state.seed), BigInt(state.stream));
    random.drawn = state.counter;
    if (state.counter % 4 !== 0) random.fillBlock();
    return random;
  }

  get state(): RandomState {
    return { seed: String(this.seed), stream: String(this.stream), counter: this.drawn };
  }

  private fillBlock(): void {
    const blockNumber = Math.floor(this.drawn / 4);
    this.counter[0] = blockNumber % TWO_32;
    this.counter[1] = blockNumber / TWO_32;
    philox4x32(this.counter, this.key, this.block);
  }

  /** A random uint32. One draw. */
  uint32(): number {
    const lane = this.drawn % 4;
    if (lane === 0) this.fillBlock();
    this.drawn++;
    return this.block[lane];
  }

  /** A number uniform in [low, high), a multiple of (high − low)/2³² above low. One draw. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / TWO_32);
  }

  /** A whole number uniform in 0 … n−1, for n far below 2³². One draw. */
  int(n: number): number {
    return Math.floor(this.uniform(0, n));
  }

  /** True with probability p. One draw. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** A normal number by Box–Muller, the cosine half. Two draws, so that no state is kept between calls. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 0.5) / TWO_32));
    return mean + deviation * radius * Math.cos((2 * Math.PI * this.uint32()) / TWO_32);
  }

  /** One of the items, each as likely. One draw. */
  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)];
  }

  /** Shuffles an array in place (Fisher–Yates) and returns it. */
  shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.int(last + 1);
      [items[last], items[other]] = [items[other], items[last]];
    }
    return items;
  }

  /** An independent stream: the same for the same seed, stream and name, whatever was drawn here before. */
  fork(name: string | number): Random {
    const hash = words(fnv1a64(`${typeof name}:${name}`));
    // Philox as the hash; the inverted key keeps these blocks apart from the numbers drawn.
    const derived = philox4x32([...hash, ...words(this.stream)], [~this.key[0], ~this.key[1]]);
    return new Random(this.seed, (BigInt(derived[1]) << 32n) | BigInt(derived[0]));
  }
}

/** A uint64 as two uint32, low word first. */
function words(value: bigint): Uint32Array {
  return Uint32Array.of(Number(value & 0xffffffffn), Number(value >> 32n));
}

/** FNV-1a, 64 bits, of a string's UTF-8 bytes. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
