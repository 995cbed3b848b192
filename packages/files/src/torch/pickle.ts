/**
 * Python's pickles, read as plain values. A pickle is a program for a stack machine; of its operations these are known
 * that protocols 2 to 5 write for plain data. A pickle can name any function of Python's: here a name is looked up in
 * a list of ours, and what stands there is ours too. Nothing of a file is ever run.
 * Operations: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { PickleFault, type PickleInput } from './pickleInput.ts';

/** A value of a pickle: dicts are maps; lists and tuples are arrays; what names make are objects. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Set<PickleValue>
  | object;

/** Something of Python's that a pickle names. */
export class Named {
  readonly name: string;
  /** What it makes of arguments; undefined where it is a value by itself. */
  readonly make: ((args: PickleValue[], meter: Meter) => PickleValue) | undefined;

  constructor(name: string, make?: Named['make']) {
    this.name = name;
    this.make = make;
  }
}

/** What a pickle's names and references to data outside it stand for. */
export interface Meanings {
  /** What `module.name` stands for. Throws PickleFault where it is not known. */
  named(name: string): Named;
  /** What a reference to data outside the pickle stands for. Throws PickleFault. */
  external(id: PickleValue): PickleValue;
}

/** An object that takes on a state after it is made, which a pickle gives it by BUILD. */
export interface Stateful {
  setState(state: PickleValue): void;
}

const isStateful = (value: PickleValue | undefined): value is Stateful & object =>
  typeof value === 'object' && value !== null && 'setState' in value;

/** The most values at once on the stack. */
const MAX_STACK = 1 << 20;

/** What all values of a pickle may weigh together: the numbers that a training logs may fill it, at some 20 each. */
const MAX_WEIGHT = 1 << 24;

/** Weights: of an empty array, of whatever there are few of, of a reference to a value, and of a byte of text. */
const ARRAY_WEIGHT = 4;
export const RARE_WEIGHT = 64;
const REFERENCE_WEIGHT = 1 / 4;
export const BYTE_WEIGHT = 1 / 8;

/** The longest whole number, in bytes. */
const MAX_INTEGER_BYTES = 64;

/** Counts what the values of a pickle weigh, so that a small file cannot fill the memory. */
export class Meter {
  #weight = 0;

  /** Throws PickleFault where all that was added weighs too much. */
  add(weight: number): void {
    this.#weight += weight;
    if (this.#weight > MAX_WEIGHT) throw new PickleFault('holds more values than any checkpoint');
  }
}

/** Reads one pickle, up to its end. Throws PickleFault; InputError where the file cannot be read. */
export function unpickle(input: PickleInput, meanings: Meanings): PickleValue {
  return new Machine(input, meanings).run();
}

const STOP = 0x2e;

/** What each operation does, by its code. */
const OPERATIONS = new Map<number, (machine: Machine, input: PickleInput) => unknown>([
  [0x95, (_, input) => input.uint64()], // FRAME: a length, which reading does not need
  [0x4e, (machine) => machine.push(null, 0)], // NONE
  [0x88, (machine) => machine.push(true, 0)], // NEWTRUE
  [0x89, (machine) => machine.push(false, 0)], // NEWFALSE
  [0x4b, (machine, input) => machine.push(input.uint8())], // BININT1
  [0x4d, (machine, input) => machine.push(input.uint16())], // BININT2
  [0x4a, (machine, input) => machine.push(input.int32())], // BININT
  [0x8a, (machine, input) => machine.integer(input.uint8())], // LONG1
  [0x8b, (machine, input) => machine.integer(input.uint32())], // LONG4
  [0x47, (machine, input) => machine.push(input.float64())], // BINFLOAT
  [0x8c, (machine, input) => machine.text(input.uint8(), 'utf8')], // SHORT_BINUNICODE
  [0x58, (machine, input) => machine.text(input.uint32(), 'utf8')], // BINUNICODE
  [0x8d, (machine, input) => machine.text(input.uint64(), 'utf8')], // BINUNICODE8
  [0x55, (machine, input) => machine.text(input.uint8(), 'latin1')], // SHORT_BINSTRING, text of Python 2
  [0x54, (machine, input) => machine.text(input.uint32(), 'latin1')], // BINSTRING
  [0x43, (machine, input) => machine.bytes(input.uint8())], // SHORT_BINBYTES
  [0x42, (machine, input) => machine.bytes(input.uint32())], // BINBYTES
  [0x8e, (machine, input) => machine.bytes(input.uint64())], // BINBYTES8
  [0x96, (machine, input) => machine.bytes(input.uint64())], // BYTEARRAY8
  [0x5d, (machine) => machine.push([], ARRAY_WEIGHT)], // EMPTY_LIST
  [0x29, (machine) => machine.push([], ARRAY_WEIGHT)], // EMPTY_TUPLE
  [0x7d, (machine) => machine.push(new Map(), RARE_WEIGHT)], // EMPTY_DICT
  [0x8f, (machine) => machine.push(new Set(), RARE_WEIGHT)], // EMPTY_SET
  [0x28, (machine) => machine.mark()], // MARK
  [0x85, (machine) => machine.tuple(machine.last(1))], // TUPLE1
  [0x86, (machine) => machine.tuple(machine.last(2))], // TUPLE2
  [0x87, (machine) => machine.tuple(machine.last(3))], // TUPLE3
  [0x74, (machine) => machine.tuple(machine.toMark())], // TUPLE
  [0x91, (machine) => machine.frozenSet(machine.toMark())], // FROZENSET
  [0x61, (machine) => machine.append(machine.last(1))], // APPEND
  [0x65, (machine) => machine.append(machine.toMark())], // APPENDS
  [0x90, (machine) => machine.addToSet(machine.toMark())], // ADDITEMS
  [0x73, (machine) => machine.setItems(machine.last(2))], // SETITEM
  [0x75, (machine) => machine.setItems(machine.toMark())], // SETITEMS
  [0x30, (machine) => machine.pop()], // POP
  [0x31, (machine) => machine.toMark()], // POP_MARK
  [0x32, (machine) => machine.push(machine.top(), 0)], // DUP
  [0x71, (machine, input) => machine.put(input.uint8())], // BINPUT
  [0x72, (machine, input) => machine.put(input.uint32())], // LONG_BINPUT
  [0x94, (machine) => machine.memoize()], // MEMOIZE
  [0x68, (machine, input) => machine.get(input.uint8())], // BINGET
  [0x6a, (machine, input) => machine.get(input.uint32())], // LONG_BINGET
  [0x63, (machine, input) => machine.name([input.line(), input.line()])], // GLOBAL
  [0x93, (machine) => machine.name(machine.last(2))], // STACK_GLOBAL
  [0x52, (machine) => machine.make(machine.last(2))], // REDUCE: a call
  [0x81, (machine) => machine.make(machine.last(2))], // NEWOBJ: a class made
  [0x62, (machine) => machine.build(machine.pop())], // BUILD
  [0x51, (machine) => machine.external()], // BINPERSID
]);

class Machine {
  readonly #input: PickleInput;
  readonly #meanings: Meanings;
  readonly #meter = new Meter();
  #stack: PickleValue[] = [];
  /** The stacks below the marks that are open. */
  readonly #below: PickleValue[][] = [];
  readonly #memo: PickleValue[] = [];

  constructor(input: PickleInput, meanings: Meanings) {
    this.#input = input;
    this.#meanings = meanings;
  }

  run(): PickleValue {
    const input = this.#input;
    if (input.uint8() !== 0x80) throw new PickleFault('does not begin as a pickle of protocol 2 or later');
    const protocol = input.uint8();
    if (protocol < 2 || protocol > 5) throw new PickleFault(`has the unknown protocol ${protocol}`);
    for (;;) {
      const operation = input.uint8();
      if (operation === STOP) return this.pop();
      const run = OPERATIONS.get(operation);
      if (!run) throw new PickleFault(`has the unknown operation 0x${operation.toString(16)} in its pickle`);
      run(this, input);
    }
  }

  push(value: PickleValue, weight = 1): void {
    this.#meter.add(weight);
    if (this.#stack.length === MAX_STACK) throw new PickleFault('nests its values too deep');
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw tooFew();
    return value;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw tooFew();
    return value;
  }

  /** The values since the last mark, which is taken away. */
  toMark(): PickleValue[] {
    const values = this.#stack;
    const below = this.#below.pop();
    if (!below) throw tooFew();
    this.#stack = below;
    return values;
  }

  /** The values on top of the stack, taken away. */
  last(count: number): PickleValue[] {
    if (this.#stack.length < count) throw tooFew();
    return this.#stack.splice(-count);
  }

  tuple(values: PickleValue[]): void {
    this.push(values, ARRAY_WEIGHT + REFERENCE_WEIGHT * values.length);
  }

  text(length: number, encoding: 'utf8' | 'latin1'): void {
    this.push(this.#input.text(length, encoding), 1 + BYTE_WEIGHT * length);
  }

  bytes(length: number): void {
    this.push(this.#input.bytes(length), ARRAY_WEIGHT + BYTE_WEIGHT * length);
  }

  /** A whole number in two's complement, the lowest byte first. */
  integer(length: number): void {
    if (length > MAX_INTEGER_BYTES) throw new PickleFault(`has a whole number of ${length} bytes`);
    const bytes = Array.from(this.#input.bytes(length)).reverse();
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('') || '0';
    const value = BigInt.asIntN(8 * length, BigInt(`0x${hex}`));
    this.push(Number.isSafeInteger(Number(value)) ? Number(value) : value);
  }

  append(values: PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleFault('adds to a list that is none');
    this.#meter.add(values.length);
    for (const value of values) list.push(value);
  }

  addToSet(values: PickleValue[]): void {
    const set = this.top();
    if (!(set instanceof Set)) throw new PickleFault('adds to a set that is none');
    this.#meter.add(2 * values.length);
    for (const value of values) set.add(value);
  }

  frozenSet(values: PickleValue[]): void {
    this.push(new Set(), RARE_WEIGHT);
    this.addToSet(values);
  }

  /** Keys and values in turn. */
  setItems(items: PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw new PickleFault('sets entries of a dict that is none');
    if (items.length % 2) throw new PickleFault('has a key without a value');
    this.#meter.add(2 * items.length);
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
  }

  put(index: number): void {
    // Values are numbered in turn, by Python 2 from 1 on; gaps would cost memory.
    if (index > this.#memo.length + 1) throw new PickleFault('numbers its values out of turn');
    this.#meter.add(REFERENCE_WEIGHT);
    this.#memo[index] = this.top();
  }

  get(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw new PickleFault('refers to a value that is not there');
    this.push(value, 0);
  }

  /** A module, and the name of what it holds. */
  name([module, name]: PickleValue[]): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      throw new PickleFault('names something by no text');
    this.push(this.#meanings.named(`${module}.${name}`));
  }

  external(): void {
    this.push(this.#meanings.external(this.pop()), RARE_WEIGHT);
  }

  mark(): void {
    if (this.#below.length === MAX_STACK) throw new PickleFault('nests its values too deep');
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  memoize(): void {
    this.put(this.#memo.length);
  }

  /** Something named, and the arguments of its call. */
  make([maker, args]: PickleValue[]): void {
    if (!(maker instanceof Named && maker.make)) throw new PickleFault('calls what cannot be called');
    if (!Array.isArray(args)) throw new PickleFault(`calls ${maker.name} without arguments`);
    this.push(maker.make(args, this.#meter));
  }

  build(state: PickleValue): void {
    const value = this.top();
    if (isStateful(value)) value.setState(state);
    // An OrderedDict's own attributes, such as a state dict's `_metadata`, are not its entries.
    else if (!(value instanceof Map)) throw new PickleFault('gives a state to what has none');
  }
}

const tooFew = () => new PickleFault('takes more values than it has');
