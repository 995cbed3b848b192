/** A network's parameters in a state dict of PyTorch's. */
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { assertFinite, fixedValues } from '@organseg/core/network/parameters.ts';
import { parametersFrom } from '@organseg/core/network/stateDict.ts';
import type { PickleValue } from '@organseg/files/torch/pickle.ts';
import { TorchTensor } from '@organseg/files/torch/tensor.ts';
import type { TorchFile } from '@organseg/files/torch/torchFile.ts';
import type { OpenWeights } from '../predict/model.ts';

export type StateDict = ReadonlyMap<string, TorchTensor>;

/**
 * The parameters of a network, from an open file's state dict. Throws InputError where it is of another network, and from
 * `get` where values are not finite.
 */
export function stateDictWeights(
  { path, tensors: file }: TorchFile,
  stateDict: StateDict,
  network: NetworkConfig,
): OpenWeights {
  const keys = parametersFrom(network, stateDict, path);
  const { specs } = networkLayout(network);
  return {
    get(name) {
      const key = keys.get(name);
      if (key === undefined) {
        const fixed = specs.find((spec) => spec.name === name && spec.isFrozen);
        return fixed && fixedValues(fixed);
      }
      const values = file.floats(stateDict.get(key)!);
      assertFinite(values, key, path);
      return values;
    },
    close: () => file.close(),
  };
}

/** Keys under which a training saves a state dict beside other things. */
const KEYS = ['state_dict', 'model_state_dict', 'model', 'network', 'network_weights', 'net'];

/** The state dict that a file holds, by itself or under one of the usual keys. Throws InputError. */
export function stateDictOf({ path, value }: Pick<TorchFile, 'path' | 'value'>): StateDict {
  const key = value instanceof Map ? KEYS.find((key) => value.get(key) instanceof Map) : undefined;
  return tensorsOf(key === undefined ? value : (value as Map<PickleValue, PickleValue>).get(key)!, path);
}

/** Throws InputError where a value is anything but tensors by name. */
export function tensorsOf(value: PickleValue, path: string): StateDict {
  if (!(value instanceof Map)) throw new InputError(`${path}: has no state dict`);
  for (const [key, tensor] of value)
    if (typeof key !== 'string' || !(tensor instanceof TorchTensor))
      throw new InputError(
        `${path}: its state dict holds more than tensors by name${typeof key === 'string' ? `: ${key}` : ''}`,
      );
  return value as Map<string, TorchTensor>;
}
