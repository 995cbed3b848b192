/** WGSL that the tiled kernels share. */
import type { Gpu } from '../../device.ts';
import { normFunction } from './inputNorm.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU should unroll them; on a CPU unrolling makes compiling take minutes. */
export const loopEnd = (gpu: Gpu) => (n: number) => (gpu.adapter.software ? rolled(n) : `${n}u`);

/** Parameters of a kernel: single values, because barriers want to know that the first two are uniform. */
export const WORKGROUP_IDS =
  '@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) ids: vec3<u32>, @builtin(local_invocation_index) lane: u32';
export const GROUP_INDEX = 'id.y * ids.x + id.x';

export interface Fetch {
  readonly name: string;
  readonly array: string;
  /** The voxel's, an expression. */
  readonly channels: string;
  readonly scalar: 'f32' | 'f16';
  /** Whether the array, and a norm's affine, are bound as vec4. */
  readonly isVec4: boolean;
  /** Whether an InputNorm is applied, of `affine` and `p.slope`. */
  readonly isNormed: boolean;
}

/** A function that reads four channels from c on of item n's voxel at `at`; those beyond `channels` are 0. */
export const fetchFunction = ({ name, array, channels, scalar, isVec4, isNormed }: Fetch): string => {
  const affineAt = `(n * ${channels} + c)`;
  const four = `${array}[(at + c) / 4u]`;
  const fourNormed = `normed(vec4<f32>(${four}), vec4(a.x, a.z, b.x, b.z), vec4(a.y, a.w, b.y, b.w))`;
  const one = `${array}[at + c + k]`;
  const oneNormed = `normed(f32(${one}), affine[(${affineAt} + k) * 2u], affine[(${affineAt} + k) * 2u + 1u])`;
  return `${isNormed ? normFunction(isVec4 ? 'vec4<f32>' : 'f32') : ''}
fn ${name}(at: u32, n: u32, c: u32) -> vec4<${scalar}> {
  ${
    isVec4
      ? `if (c >= ${channels}) { return vec4<${scalar}>(0); }
  ${isNormed ? `let a = affine[${affineAt} / 2u]; let b = affine[${affineAt} / 2u + 1u];` : ''}
  return vec4<${scalar}>(${isNormed ? fourNormed : four});`
      : `var value = vec4<${scalar}>(0);
  for (var k = 0u; k < 4u; k++) {
    if (c + k < ${channels}) { value[k] = ${scalar}(${isNormed ? oneNormed : one}); }
  }
  return value;`
  }
}`;
};
