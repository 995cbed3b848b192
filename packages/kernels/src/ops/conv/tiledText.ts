/** WGSL that the tiled kernels share. */
import type { Gpu } from '../../device.ts';
import type { Tensor } from '../../tensor.ts';
import { normFunction } from './inputNorm.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU should unroll them; on a CPU unrolling makes compiling take minutes. */
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

export interface Keeper {
  /** Of the function, and of the workgroup array that it writes. */
  readonly name: string;
  readonly array: string;
  readonly channels: string;
  readonly reading: Reading;
  readonly stored: 'f32' | 'f16';
  /** What the array keeps. */
  readonly scalar: 'f32' | 'f16';
  /** Whether an InputNorm is applied, of `affine` and `p.slope`. */
  readonly isNormed: boolean;
}

/**
 * A function that writes what was read of item n from channel c on into the array at `at`, normed where a norm is to be
 * applied; zeros where `isInside` is false.
 */
export function keepFunction(keeper: Keeper): string {
  const { name, array, channels, reading, stored, scalar, isNormed } = keeper;
  const affineAt = `(n * ${channels} + c)`;
  const four = (raw: string, first: number) => {
    if (!isNormed) return `vec4<${scalar}>(${raw})`;
    const at = `affine[${affineAt} / 2u + ${first / 2}u]`;
    const next = `affine[${affineAt} / 2u + ${first / 2 + 1}u]`;
    return `vec4<${scalar}>(normed(vec4<f32>(${raw}), vec4(${at}.xz, ${next}.xz), vec4(${at}.yw, ${next}.yw)))`;
  };
  const oneByOne = `for (var k = 0u; k < 4u; k++) {
    if (c + k < ${channels}) {
      let at2 = (${affineAt} + k) * 2u;
      value[k] = ${scalar}(normed(f32(raw[k]), affine[at2], affine[at2 + 1u]));
    }
  }`;
  const body =
    reading === 8
      ? `if (isInside) {
    low = ${four('bitcast<vec4<f16>>(raw.xy)', 0)};
    high = ${four('bitcast<vec4<f16>>(raw.zw)', 4)};
  }
  ${array}[at] = low;
  ${array}[at + 1u] = high;`
      : `if (isInside) { ${reading === 1 && isNormed ? oneByOne : `value = ${four('raw', 0)};`} }
  ${array}[at] = value;`;
  const zeros = (of: string) => `var ${of} = vec4<${scalar}>(0);`;
  return `${isNormed ? normFunction(reading === 1 ? 'f32' : 'vec4<f32>') : ''}
fn ${name}(at: u32, raw: ${rawType(reading, stored)}, isInside: bool, n: u32, c: u32) {
  ${reading === 8 ? `${zeros('low')} ${zeros('high')}` : zeros('value')}
  ${body}
}`;
}
