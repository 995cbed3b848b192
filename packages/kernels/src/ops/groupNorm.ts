/**
 * Group normalisation: instance normalisation (`instanceNorm.ts`) whose statistics the channels of a group share. Channels
 * are in G groups of C/G neighbours; what is made channel by channel is joined here.
 *
 *   mean, var over the voxels and channels of each (n, group)
 *   dInput = rstd·(weight[c]·dz − Σ_c weight[c]·Σdz / M − x̂·Σ_c weight[c]·Σ(dz·x̂) / M)      M = voxels·C/G
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** The ε of `moments.ts`. */
const EPSILON = 1e-5;

/** Turns the statistics of channels, f32 [N, C, 2] (mean and 1/√(var + ε)), into those of their groups, in place. */
export function joinGroups(gpu: Gpu, stats: Tensor, groups: number): Launch {
  return overGroups(gpu, 'groupNorm.join', stats, groups, {
    read: {},
    write: { stats },
    body: `
    var mean = 0.0;
    var variance = 0.0;
    for (var c = 0u; c < p.each; c++) {
      let rstd = stats[at + 2u * c + 1u];
      mean += stats[at + 2u * c];
      variance += 1.0 / (rstd * rstd) - ${EPSILON};
    }
    mean /= f32(p.each);
    for (var c = 0u; c < p.each; c++) {
      let d = stats[at + 2u * c] - mean;
      variance += d * d;
    }
    let rstd = inverseSqrt(max(variance / f32(p.each), 0.0) + ${EPSILON});
    for (var c = 0u; c < p.each; c++) {
      stats[at + 2u * c] = mean;
      stats[at + 2u * c + 1u] = rstd;
    }`,
  });
}

/** Turns Σdz and Σ(dz·x̂) of channels, f32 [N, C, 2], into the sums over their groups of weight·Σ, in place. */
export function joinGroupSums(gpu: Gpu, sums: Tensor, weight: Tensor, groups: number): Launch {
  return overGroups(gpu, 'groupNorm.dJoin', sums, groups, {
    read: { weight },
    write: { sums },
    body: `
    var total = vec2(0.0);
    for (var c = 0u; c < p.each; c++) {
      total += weight[i % p.groups * p.each + c] * vec2(sums[at + 2u * c], sums[at + 2u * c + 1u]);
    }
    for (var c = 0u; c < p.each; c++) {
      sums[at + 2u * c] = total.x;
      sums[at + 2u * c + 1u] = total.y;
    }`,
  });
}

/** A kernel for each (n, group), number `i`; `at` is the place of its first channel's pair. */
function overGroups(
  gpu: Gpu,
  name: string,
  { shape: [batch, channels] }: Tensor,
  groups: number,
  { read, write, body }: { read: Record<string, Tensor>; write: Record<string, Tensor>; body: string },
): Launch {
  if (channels! % groups) throw new Error(`${name}: ${groups} groups do not divide ${channels} channels`);
  return prepare(gpu, {
    name,
    read,
    write,
    params: { count: u32(batch! * groups), groups: u32(groups), each: u32(channels! / groups) },
    code: mapElements(`let at = 2u * i * p.each;${body}`),
    invocations: mapInvocations(batch! * groups),
  });
}
