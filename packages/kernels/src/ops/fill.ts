/** Filling tensors with zeros, in whole or in part. */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
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

/** Sets elements [first, first + count) to 0, wherever they begin. */
export function fillZeroRange(gpu: Gpu, output: Tensor, first: number, count: number): Launch[] {
  return rowRanges(gpu, count, [{ tensor: output, rowElements: 1 }], 256).map(([start, end]) => {
    const { shift, ...binding } = viewOf(output, first + start, first + end);
    return prepare(gpu, {
      name: 'fillZeroRange',
      read: {},
      write: { output: binding },
      params: { shift: u32(shift), count: u32(end - start) },
      code: mapElements('output[p.shift + i] = output_t(0);'),
      invocations: mapInvocations(end - start),
    });
  });
}
