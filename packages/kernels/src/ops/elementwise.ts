/** Kernels that compute each element by itself, of tensors of any length. */
import type { Gpu } from '../device.ts';
import { type KernelCall, type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges } from '../views.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

export interface Elementwise {
  readonly name: string;
  /** Tensors of one length, by the names that `body` uses; at least one is written. */
  readonly read?: Readonly<Record<string, Tensor>>;
  readonly write: Readonly<Record<string, Tensor>>;
  /** Small tensors, which the code of every element sees whole. */
  readonly whole?: Readonly<Record<string, Tensor>> | undefined;
  readonly params?: KernelCall['params'];
  /** WGSL for element i. */
  readonly body: string;
}

/** The launches of `body` for every element, in parts that fit a binding. */
export function elementwise(
  gpu: Gpu,
  { name, read = {}, write, whole = {}, params, body }: Elementwise,
): Launch[] {
  const tensors = Object.values({ ...read, ...write });
  const rows = tensors.map((tensor) => ({ tensor, rowElements: 1 }));
  return rowRanges(gpu, elementCount(tensors[0]!.shape), rows, 256).map(([start, end]) => {
    const views = (named: Readonly<Record<string, Tensor>>) =>
      Object.fromEntries(
        Object.entries(named).map(([key, tensor]) => [key, { tensor, start, count: end - start }]),
      );
    return prepare(gpu, {
      name,
      read: { ...views(read), ...whole },
      write: views(write),
      params: { ...params, count: u32(end - start) },
      code: mapElements(body),
      invocations: mapInvocations(end - start),
    });
  });
}
