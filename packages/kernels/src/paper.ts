/** GPUs on paper: kernels are prepared on them to look at their code, whatever GPU there is, and nothing runs. */
import { Gpu, type GpuOptions } from './device.ts';
import { countingDevice } from './rehearsal.ts';

/** A software driver of a CPU; a GPU; one whose subgroups multiply matrices. */
export const MAKES = ['software', 'plain', 'tensor-cores'] as const;
export type Make = (typeof MAKES)[number];

/** The limits of a large GPU; kernels choose their tiles by the first two. */
const LIMITS = {
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 48 * 2 ** 10,
  maxComputeWorkgroupsPerDimension: 65535,
  maxStorageBufferBindingSize: 2 ** 32 - 4,
  maxBufferSize: 2 ** 36,
};

/**
 * A GPU of some make. `features` are those of any device, which must be open: WebGPU's constants come with it. Kernels
 * that were prepared are in `pipelines`.
 */
export function paperGpu(make: Make, { features }: GPUDevice, options: GpuOptions = {}): Gpu {
  const software = make === 'software';
  const facts = {
    name: make,
    vendor: '',
    driver: '',
    software,
    features: [...features],
    limits: LIMITS,
    subgroupSize: software ? 8 : 32,
    subgroupMatrices: make === 'tensor-cores' ? ['16×16×16 f16→f32'] : [],
  };
  const limits = LIMITS as unknown as GPUSupportedLimits;
  return new Gpu(countingDevice({ features, limits } as GPUDevice), facts, options);
}
