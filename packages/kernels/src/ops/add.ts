/**
 * The sum of two tensors, element by element.
 *
 *   output = a + b        dA (+)= dOutput        dB (+)= dOutput
 */
import type { Gpu } from '../device.ts';
import type { Launch } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { elementwise } from './elementwise.ts';

/** All three of one shape. */
export const forward = (gpu: Gpu, { a, b, output }: { a: Tensor; b: Tensor; output: Tensor }): Launch[] =>
  elementwise(gpu, {
    name: 'add',
    read: { a, b },
    write: { y: output },
    body: 'y[i] = y_t(f32(a[i]) + f32(b[i]));',
  });

export interface AddBackward {
  readonly dOutput: Tensor;
  /** The gradient of one of the two. */
  readonly dInput: Tensor;
  /** Add to dInput instead of assigning it. */
  readonly accumulate: boolean;
}

export const backward = (gpu: Gpu, { dOutput, dInput, accumulate }: AddBackward): Launch[] =>
  elementwise(gpu, {
    name: 'add.dInput',
    read: { dy: dOutput },
    write: { dx: dInput },
    body: `dx[i] = dx_t(${accumulate ? 'f32(dx[i]) + ' : ''}f32(dy[i]));`,
  });
