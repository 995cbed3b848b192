/** WGSL that the tiled kernels share. */
import type { Gpu } from '../../device.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU should unroll them; on a CPU unrolling makes compiling take minutes. */
export const loopEnd = (gpu: Gpu) => (n: number) => (gpu.adapter.software ? rolled(n) : `${n}u`);

/** Parameters of a kernel: single values, because barriers want to know that the first two are uniform. */
export const WORKGROUP_IDS =
  '@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32';
export const GROUP_INDEX = 'id.y * ids.x + id.x';

/** A function that reads four channels from c on of the voxel at `at`; those beyond `channels` are 0. */
export const fetchFunction = (
  name: string,
  array: string,
  channels: string,
  scalar: 'f32' | 'f16',
  isVec4: boolean,
): string => `fn ${name}(at: u32, c: u32) -> vec4<${scalar}> {
  ${
    isVec4
      ? `if (c >= ${channels}) { return vec4<${scalar}>(0); }
  return vec4<${scalar}>(${array}[(at + c) / 4u]);`
      : `var value = vec4<${scalar}>(0);
  for (var k = 0u; k < 4u; k++) {
    if (c + k < ${channels}) { value[k] = ${scalar}(${array}[at + c + k]); }
  }
  return value;`
  }
}`;
