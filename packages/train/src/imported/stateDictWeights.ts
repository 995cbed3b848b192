/** A network's parameters in a state dict of PyTorch's. */
import { InputError } from '@organseg/core/inputError.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { parametersFrom } from '@organseg/core/network/stateDict.ts';
import type { PickleValue } from '@organseg/files/torch/pickle.ts';
import { TorchTensor } from '@organseg/files/torch/tensor.ts';
import type { TorchFile } from '@organseg/files/torch/torchFile.ts';
import type { OpenWeights } from '../predict/model.ts';

/** The parameters of a network, from an open file's state dict. Throws InputError where it is of another network. */
export function stateDictWeights(
  { path, tensors: file }: TorchFile,
  stateDict: PickleValue | undefined,
  network: NetworkConfig,
): OpenWeights {
  const tensors = tensorsOf(stateDict, path);
  const keys = parametersFrom(network, tensors, path);
  return {
    get(name) {
      const key = keys.get(name);
      return key === undefined ? undefined : file.floats(tensors.get(key)!);
    },
    close: () => file.close(),
  };
}

function tensorsOf(stateDict: PickleValue | undefined, path: string): Map<string, TorchTensor> {
  if (!(stateDict instanceof Map)) throw new InputError(`${path}: has no state dict`);
  const tensors = new Map<string, TorchTensor>();
  for (const [key, value] of stateDict) {
    if (typeof key !== 'string' || !(value instanceof TorchTensor))
      throw new InputError(`${path}: ${String(key)} of its state dict is no tensor`);
    tensors.set(key, value);
  }
  return tensors;
}
