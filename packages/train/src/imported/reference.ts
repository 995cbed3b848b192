/** Reference networks of nnU-Net and MONAI: meta.json, which describes one, beside its weights. */
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { openTorchFile } from '@organseg/files/torch/openTorchFile.ts';
import { z } from 'zod';
import type { OpenWeights } from '../predict/model.ts';
import { readJson } from './modelFiles.ts';
import { networkOf as monaiNetworkOf } from './monai/network.ts';
import { networkOf as nnunetNetworkOf } from './nnunet/network.ts';
import { openModelFiles } from './openModelFiles.ts';
import { stateDictOf, stateDictWeights } from './stateDictWeights.ts';

const monai = z.object({ network: z.string(), kwargs: z.looseObject({}) });
const nnunet = z.object({
  architecture: z.looseObject({ network_class_name: z.string(), arch_kwargs: z.unknown() }),
  input_channels: z.int().positive(),
  num_classes: z.int().positive(),
});

/** The network of a folder with meta.json and model.pt or model.pth. Its weights are open. Throws InputError. */
export async function openReference(
  folder: string,
): Promise<{ readonly network: NetworkConfig; readonly weights: OpenWeights }> {
  const files = await openModelFiles(folder);
  const path = files.pathOf('meta.json');
  const meta = await readJson(files, 'meta.json', z.union([monai, nnunet]));
  const network =
    'kwargs' in meta
      ? monaiNetworkOf({ path, settings: {} }, { target: meta.network, settings: meta.kwargs })
      : nnunetNetworkOf(meta, { inputChannels: meta.input_channels, classes: meta.num_classes }, path);
  const file = await openTorchFile(files.pathOf(files.has('model.pt') ? 'model.pt' : 'model.pth'));
  try {
    return { network, weights: stateDictWeights(file, stateDictOf(file), network) };
  } catch (error) {
    file.close();
    throw error;
  }
}
