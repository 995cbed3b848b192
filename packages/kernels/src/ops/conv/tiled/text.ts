/** Small pieces of WGSL that all tiled kernels share. */
import type { Gpu } from '../../../device.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU may unroll them; on a CPU that makes compiling take minutes. */
export const loopEnd = (gpu: Gpu) => (n: number) => (gpu.adapter.software ? rolled(n) : `${n}u`);

/** Parameters of `main`: single values, because barriers want to know that the first two are uniform. */
export const WORKGROUP_IDS =
  '@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32';
/** The number of the workgroup, from these. */
export const GROUP_INDEX = 'id.y * ids.x + id.x';

/** Products and quotients by constants, of which 1 is left out. */
export const times = (x: string, n: number): string => (n === 1 ? x : `${x} * ${n}u`);
export const over = (x: string, n: number): string => (n === 1 ? x : `${x} / ${n}u`);
/** A sum with a constant, of which 0 is left out. */
export const plus = (x: string, n: number): string => (n === 0 ? x : `${x} + ${n}u`);
