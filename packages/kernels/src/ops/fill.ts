import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges } from '../windows.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** Sets every element to 0. */
export function fillZero(gpu: Gpu, name: string, output: Tensor): Launch[] {
  const ranges = rowRanges(gpu, elementCount(output.shape), [{ tensor: output, rowElements: 1 }], 256);
  return ranges.map(([start, end]) =>
    prepare(gpu, {
      name,
      read: {},
      write: { output: { tensor: output, start, count: end - start } },
      params: { count: u32(end - start) },
      code: mapElements('output[i] = output_t(0);'),
      invocations: mapInvocations(end - start),
    }),
  );
}
