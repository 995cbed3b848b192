/**
 * How a workgroup loads: an invocation reads some channels of a voxel as they are stored into registers, and later keeps
 * them in workgroup memory, as the scalar that the kernel multiplies.
 */
import type { Tensor } from '../../../tensor.ts';
import { lines } from '../../wgsl.ts';
import { normFunction } from '../inputNorm.ts';
import { over, plus } from './text.ts';

/** Channels that are read at once: eight f16 as 16 bytes, a vec4, or four one by one. */
export type Reading = 8 | 4 | 1;

/** The widest reading that all tensors allow; eight for a kernel that keeps f16. */
export function readingOf(tensors: readonly Tensor[], scalar: 'f32' | 'f16'): Reading {
  const divides = (n: number) => tensors.every(({ shape }) => shape.at(-1)! % n === 0);
  if (scalar === 'f16' && divides(8)) return 8;
  return divides(4) ? 4 : 1;
}

/** How a binding shows its tensor for a reading. */
export const bindingOf = (reading: Reading) => ({ vec4: reading === 4, vec8: reading === 8 });

/** The number of channels that one read gives. */
export const channelsOf = (reading: Reading): 8 | 4 => (reading === 8 ? 8 : 4);

/** WGSL: the type of what one read gives. */
export const rawType = (reading: Reading, stored: string): string =>
  reading === 8 ? 'vec4<u32>' : `vec4<${stored}>`;

/**
 * How the invocations of a workgroup share the reads of some slots, `perSlot` each. An invocation always meets the same
 * part of a slot: the one of number `lane % perSlot`.
 */
export function shareReads(threads: number, slots: number, perSlot: number) {
  const count = Math.ceil((slots * perSlot) / threads);
  const slot = (i: number) => {
    const text = plus(over('lane', perSlot), (i * threads) / perSlot);
    return text === 'lane' ? text : `(${text})`;
  };
  return {
    perSlot,
    /** Text for each read of an invocation: its number, and the slot as a WGSL expression. */
    each: (text: (i: number, slot: string) => string) => lines(count, (i) => text(i, slot(i))),
    /** The text of read i, in a condition where not all invocations have one. */
    guarded: (i: number, text: string) =>
      (i + 1) * threads > slots * perSlot ? `if (${slot(i)} < ${slots}u) { ${text} }` : text,
  };
}

export interface Reader {
  /** Of the function. */
  readonly name: string;
  /** The binding that it reads. */
  readonly array: string;
  /** WGSL expression: the channels of a voxel. */
  readonly channels: string;
  readonly reading: Reading;
  readonly stored: 'f32' | 'f16';
}

/** WGSL: a function that reads the voxel whose elements begin at `at`, from channel c on, which there must be. */
export const readFunction = ({ name, array, channels, reading, stored }: Reader): string => {
  const raw = rawType(reading, stored);
  const body =
    reading === 1
      ? `var value = ${raw}(0);
  for (var k = 0u; k < 4u; k++) { if (c + k < ${channels}) { value[k] = ${array}[at + c + k]; } }
  return value;`
      : `return ${array}[(at + c) / ${reading}u];`;
  return `fn ${name}(at: u32, c: u32) -> ${raw} { ${body} }`;
};

/** `array` is the workgroup array that the function writes. */
export interface Keeper extends Reader {
  /** What the array holds. */
  readonly scalar: 'f32' | 'f16';
  /** Whether an InputNorm is applied, of the binding `affine` and `p.slope`; in one keeper of a kernel at most. */
  readonly isNormed: boolean;
}

/**
 * WGSL: a function that writes what was read from channel c on into the array, from vec4 `at` on; zeros where `isInside`
 * is false. Where a norm is applied, it is given what `normAt(n, c)` returned before.
 */
export function keepFunction({ name, array, channels, reading, stored, scalar, isNormed }: Keeper): string {
  const parts = reading === 8 ? ['low', 'high'] : ['low'];
  const stores = parts.map((part, i) => {
    const raw = reading === 8 ? `bitcast<vec4<f16>>(raw.${['xy', 'zw'][i]})` : 'raw';
    const normed = `normed(vec4<f32>(${raw}), norm.${part}Scale, norm.${part}Offset)`;
    return `${array}[${plus('at', i)}] = select(vec4<${scalar}>(0), vec4<${scalar}>(${isNormed ? normed : raw}), isInside);`;
  });
  return `${isNormed ? normAt(channels, reading, parts) : ''}
fn ${name}(at: u32, raw: ${rawType(reading, stored)}, isInside: bool${isNormed ? ', norm: Norm' : ''}) {
  ${stores.join('\n  ')}
}`;
}

/** WGSL: the scales and offsets of the channels of one read; zeros beyond the last channel. */
function normAt(channels: string, reading: Reading, parts: readonly string[]): string {
  const vec4s = parts.map((part, i) => {
    const at = `affine[${plus(`(n * ${channels} + c) / 2u`, 2 * i)}]`;
    const next = `affine[${plus(`(n * ${channels} + c) / 2u`, 2 * i + 1)}]`;
    return `norm.${part}Scale = vec4(${at}.xz, ${next}.xz); norm.${part}Offset = vec4(${at}.yw, ${next}.yw);`;
  });
  const oneByOne = `for (var k = 0u; k < 4u; k++) {
    if (c + k < ${channels}) {
      norm.lowScale[k] = affine[(n * ${channels} + c + k) * 2u];
      norm.lowOffset[k] = affine[(n * ${channels} + c + k) * 2u + 1u];
    }
  }`;
  return `${normFunction('vec4<f32>')}

struct Norm { ${parts.map((part) => `${part}Scale: vec4<f32>, ${part}Offset: vec4<f32>`).join(', ')} }

fn normAt(n: u32, c: u32) -> Norm {
  var norm: Norm;
  ${reading === 1 ? oneByOne : `if (c < ${channels}) { ${vec4s.join(' ')} }`}
  return norm;
}`;
}
