/**
 * A device that allocates and computes nothing. `Gpu.rehearsal` puts it under an arena, which then tells the bytes
 * that the same work would take on the real one.
 */

/** A device with the features and limits of another. */
export function countingDevice({ features, limits }: GPUDevice): GPUDevice {
  const nothing = () => ({});
  const encoder = () => ({
    beginComputePass: () => ({
      setPipeline: nothing,
      setBindGroup: nothing,
      dispatchWorkgroups: nothing,
      end: nothing,
    }),
    clearBuffer: nothing,
    copyBufferToBuffer: nothing,
    resolveQuerySet: nothing,
    finish: nothing,
  });
  const device = {
    features,
    limits,
    lost: new Promise(() => {}),
    addEventListener: nothing,
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: async () => {} },
    createBuffer: ({ size }: GPUBufferDescriptor) => ({
      size,
      mapAsync: async () => {},
      getMappedRange: (_offset = 0, bytes = size) => new ArrayBuffer(bytes),
      unmap: nothing,
      destroy: nothing,
    }),
    createBindGroupLayout: nothing,
    createPipelineLayout: nothing,
    createShaderModule: nothing,
    createComputePipeline: nothing,
    createComputePipelineAsync: async () => ({}),
    createBindGroup: nothing,
    createCommandEncoder: encoder,
    createQuerySet: () => ({ destroy: nothing }),
    destroy: nothing,
  };
  return device as unknown as GPUDevice;
}
