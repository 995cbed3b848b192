/** Parameters under the names of nnU-Net's state dicts, which name most tensors more than once. */
import type { PlainConvUnetConfig, ResidualEncoderUnetConfig } from '@organseg/core/network/networkConfig.ts';
import { type StateDict, zerosOf } from './stateDict.ts';

/** The networks that nnU-Net's plans can describe. */
export type NnunetNetwork = PlainConvUnetConfig | ResidualEncoderUnetConfig;

/** All that nnU-Net's network of this form loads, strictly. */
export function nnunetStateDict(network: NnunetNetwork, parameters: StateDict): StateDict {
  const dict: StateDict = new Map();
  const add = (name: string, tensor: ReturnType<typeof zerosOf>) => {
    for (const each of namesOf(name)) dict.set(each, tensor);
  };
  for (const [name, tensor] of parameters) {
    add(name, tensor);
    // A norm takes out whatever bias comes before it; those of the shortcuts have none.
    if (name.endsWith('.conv.weight') && !name.includes('.skip.'))
      add(name.replace(/weight$/, 'bias'), zerosOf(tensor.shape[0]!));
  }
  for (const [name, tensor] of absentHeads(network, parameters)) add(name, tensor);
  return dict;
}

/** The heads of lower resolutions, which nnU-Net always has and never predicts with. */
function absentHeads({ filters, classes }: NnunetNetwork, parameters: StateDict): StateDict {
  const heads: StateDict = new Map();
  const finest = filters.length - 2;
  for (let head = 0; head < finest; head++) {
    const name = `decoder.seg_layers.${head}`;
    if (parameters.has(`${name}.weight`)) continue;
    heads.set(`${name}.weight`, zerosOf(classes, filters[finest + 1 - head - 1]!, 1, 1, 1));
    heads.set(`${name}.bias`, zerosOf(classes));
  }
  return heads;
}

/**
 * All names of a tensor: a block's convolution and norm stand in its list of modules too, and the encoder again in the
 * decoder.
 */
function namesOf(name: string): string[] {
  const alias = name
    .replace(/\.conv\.(weight|bias)$/, '.all_modules.0.$1')
    .replace(/\.norm\.(weight|bias)$/, '.all_modules.1.$1');
  const names = alias === name ? [name] : [name, alias];
  return name.startsWith('encoder.') ? [...names, ...names.map((each) => `decoder.${each}`)] : names;
}
