/** WGSL that the tiled kernels share. */
import type { Gpu } from '../../../device.ts';
import type { Tensor } from '../../../tensor.ts';
import { lines } from '../../wgsl.ts';
import { normFunction } from '../inputNorm.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU may unroll them; on a CPU that makes compiling take minutes. */
export const loopEnd = (gpu: Gpu) => (n: number) => (gpu.adapter.software ? rolled(n) : `${n}u`);

/** Parameters of a kernel: single values, because barriers want to know that the first two are uniform. */
export const WORKGROUP_IDS =
  '@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32';
export const GROUP_INDEX = 'id.y * ids.x + id.x';

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

/** Channels of one read. */
export const channelsOf = (reading: Reading): 8 | 4 => (reading === 8 ? 8 : 4);

/** WGSL: what one read gives. */
export const rawType = (reading: Reading, stored: string): string =>
  reading === 8 ? 'vec4<u32>' : `vec4<${stored}>`;

/** How a workgroup shares the reads of some slots, `perSlot` each: an invocation always meets the same place in a slot. */
export function shareReads(threads: number, slots: number, perSlot: number) {
  const count = Math.ceil((slots * perSlot) / threads);
  const slot = (i: number) => `(lane / ${perSlot}u + ${(i * threads) / perSlot}u)`;
  return {
    perSlot,
    /** Text of an invocation's each read. */
    each: (text: (i: number, slot: string) => string) => lines(count, (i) => text(i, slot(i))),
    /** Text of read i, where not all invocations have one. */
    guarded: (i: number, text: string) =>
      (i + 1) * threads > slots * perSlot ? `if (${slot(i)} < ${slots}u) { ${text} }` : text,
  };
}

export interface Reader {
  readonly name: string;
  readonly array: string;
  /** The voxel's, an expression. */
  readonly channels: string;
  readonly reading: Reading;
  readonly stored: 'f32' | 'f16';
}

/** A function that reads the voxel at `at` from channel c on, of which there is one. */
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

/** `name` and `array` are of the function and of the workgroup array that it writes. */
export interface Keeper extends Reader {
  /** What the array keeps. */
  readonly scalar: 'f32' | 'f16';
  /** Whether an InputNorm is applied, of `affine` and `p.slope`; of one array. */
  readonly isNormed: boolean;
}

/**
 * A function that writes what was read from channel c on into the array at `at`, normed where a norm is to be applied;
 * zeros where `isInside` is false. What it wants of the norm is read before, by `normAt(n, c)`.
 */
export function keepFunction({ name, array, channels, reading, stored, scalar, isNormed }: Keeper): string {
  const parts = reading === 8 ? ['low', 'high'] : ['low'];
  const stores = parts.map((part, i) => {
    const raw = reading === 8 ? `bitcast<vec4<f16>>(raw.${['xy', 'zw'][i]})` : 'raw';
    const normed = `normed(vec4<f32>(${raw}), norm.${part}Scale, norm.${part}Offset)`;
    return `${array}[at + ${i}u] = select(vec4<${scalar}>(0), vec4<${scalar}>(${isNormed ? normed : raw}), isInside);`;
  });
  return `${isNormed ? normAt(channels, reading, parts) : ''}
fn ${name}(at: u32, raw: ${rawType(reading, stored)}, isInside: bool${isNormed ? ', norm: Norm' : ''}) {
  ${stores.join('\n  ')}
}`;
}

/** Scales and offsets of a read's channels; of channels that are none, zeros. */
function normAt(channels: string, reading: Reading, parts: readonly string[]): string {
  const vec4s = parts.map((part, i) => {
    const at = `affine[(n * ${channels} + c) / 2u + ${2 * i}u]`;
    const next = `affine[(n * ${channels} + c) / 2u + ${2 * i + 1}u]`;
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
