/** A network's parameters as the state dict of its library's module, which loads it strictly. */
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import type { ParameterValues } from '@organseg/core/network/parameters.ts';
import { stateDictEntries } from '@organseg/core/network/stateDict.ts';
import type { TensorToWrite } from '@organseg/files/torch/writePickle.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';

/** The tensors by their names, several of which may be one tensor; each is read when it is written. */
export function stateDict(network: NetworkConfig, values: ParameterValues): Map<string, TensorToWrite> {
  /** By parameter, and those that change nothing by their shape. */
  const tensors = new Map<string, TensorToWrite>();
  const dict = new Map<string, TensorToWrite>();
  for (const { key, shape, parameter, isCoarse } of stateDictEntries(network)) {
    const held = isCoarse ? undefined : parameter;
    const id = held ?? `zeros ${shape}`;
    const read = () => (held ? values.get(held)! : new Float32Array(elementCount(shape)));
    const tensor = tensors.get(id) ?? { shape, read };
    tensors.set(id, tensor);
    dict.set(key, tensor);
  }
  return dict;
}
