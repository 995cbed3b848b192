/**
 * Batch normalisation by running statistics, which stay as they are: instance normalisation (`instanceNorm.ts`) whose
 * statistics are told, and the same for all items.
 *
 *   x̂ = (input − mean[c]) / √(variance[c] + 1e-5)
 *   dInput = weight·dz/√(variance[c] + 1e-5)      the input moves no statistics
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** The ε of PyTorch. */
const EPSILON = 1e-5;

export interface RunningStatistics {
  /** f32 [C] */
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** f32 [N, C, 2]: mean and 1/√(variance + ε); it is assigned. */
  readonly stats: Tensor;
}

/** Writes what `instanceNorm.forward`, `affine` and `backward` read. */
export function statistics(gpu: Gpu, { mean, variance, stats }: RunningStatistics): Launch {
  const count = elementCount(stats.shape) / 2;
  return prepare(gpu, {
    name: 'batchNorm.statistics',
    read: { mean, variance },
    write: { stats },
    params: { count: u32(count), channels: u32(stats.shape[1]!) },
    code: mapElements(`
    stats[i * 2u] = mean[i % p.channels];
    stats[i * 2u + 1u] = inverseSqrt(variance[i % p.channels] + ${EPSILON});`),
    invocations: mapInvocations(count),
  });
}
