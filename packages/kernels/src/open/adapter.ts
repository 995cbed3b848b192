/** What any implementation of WebGPU tells of its adapter, and what is asked of it. */
import type { AdapterFacts } from '../device.ts';

const NEEDED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

const WANTED_FEATURES = [
  'shader-f16',
  'timestamp-query',
  'subgroups',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[];

/** What an adapter is and what it can do. */
export function adapterFacts(adapter: GPUAdapter): AdapterFacts {
  const info = adapter.info as GPUAdapterInfo & {
    subgroupMatrixConfigs?: Iterable<Record<string, unknown>>;
  };
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') limits[name] = value;
  }
  return {
    // Browsers blank the names.
    name: info.device || info.description || `${info.vendor} ${info.architecture}`,
    vendor: info.vendor,
    driver: info.description,
    software:
      info.isFallbackAdapter ||
      /llvmpipe|swiftshader|Microsoft Basic Render/i.test(`${info.device} ${info.description}`),
    features: [...adapter.features].sort(),
    limits,
    subgroupSize: info.subgroupMinSize,
    subgroupMatrices: [...(info.subgroupMatrixConfigs ?? [])].map(
      (c) => `${c.M}×${c.N}×${c.K} ${c.componentType}→${c.resultComponentType}`,
    ),
  };
}

/** A device with all of the adapter's limits and features that kernels use. */
export function requestDevice(adapter: GPUAdapter, { limits }: AdapterFacts): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of NEEDED_LIMITS) requiredLimits[name] = limits[name] as number;
  return adapter.requestDevice({
    requiredLimits,
    requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
  });
}
