/** Parameters as the entries of PyTorch's state dicts. */
import type { ParameterSpec, ParameterValues } from '@organseg/core/network/parameters.ts';
import type { TensorToWrite } from '@organseg/files/torch/writePickle.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';

/** Tensors by their names in a state dict, where several names may be those of one tensor. */
export type StateDict = Map<string, TensorToWrite>;

/** The parameters, each read from its source when it is written. */
export const parameterTensors = (specs: readonly ParameterSpec[], values: ParameterValues): StateDict =>
  new Map(specs.map(({ name, shape }) => [name, { shape, read: () => values.get(name)! }]));

/** A tensor of zeros. */
export const zerosOf = (...shape: number[]): TensorToWrite => ({
  shape,
  read: () => new Float32Array(elementCount(shape)),
});
