/** Bundles of MONAI: configs/inference.json, configs/metadata.json and models/model.pt. */
import { InputError } from '@organseg/core/inputError.ts';
import { type NetworkConfig, patchDivisor } from '@organseg/core/network/networkConfig.ts';
import { TorchTensor } from '@organseg/files/torch/tensor.ts';
import { readTorchFile } from '@organseg/files/torch/torchFile.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';
import type { Model } from '../../predict/model.ts';
import { type ModelFiles, readJson } from '../modelFiles.ts';
import { type StateDict, stateDictOf, stateDictWeights } from '../stateDictWeights.ts';
import { argumentsOf, type BundleConfig, componentOf } from './bundleConfig.ts';
import { networkOf, reversed, reversedNetwork } from './network.ts';
import { assertArgmax, preprocessingOf } from './preprocessing.ts';

const CONFIG = 'configs/inference.json';
const METADATA = 'configs/metadata.json';
const WEIGHTS = 'models/model.pt';

const size = z.int().positive();
const INFERER = {
  roi_size: z.union([size.transform((n): Dhw => [n, n, n]), z.tuple([size, size, size])]),
  overlap: z.number().min(0).lt(1).default(0.25),
};

const channels = z.looseObject({ channel_def: z.record(z.string(), z.string()).optional() });
const metadata = z.looseObject({
  network_data_format: z
    .looseObject({ inputs: z.record(z.string(), channels), outputs: z.record(z.string(), channels) })
    .optional(),
});

/**
 * The model of a bundle. MONAI's networks see x, y, z where this program's see z, y, x: the network and its weights are
 * turned. Windows are blended by a Gaussian, whatever the bundle's inferer says. Throws InputError that names what is
 * missing, or not known.
 */
export async function readMonaiModel(files: ModelFiles): Promise<Model> {
  if (!files.has(CONFIG))
    throw new InputError(`${files.path}: has no ${CONFIG}; settings in YAML are not read`);
  if (!files.has(WEIGHTS)) {
    const script = files.has('models/model.ts') ? '; TorchScript is not read' : '';
    throw new InputError(`${files.path}: has no ${WEIGHTS}${script}`);
  }
  const config: BundleConfig = {
    path: files.pathOf(CONFIG),
    settings: await readJson(files, CONFIG, z.looseObject({})),
  };
  const described = networkOf(config, componentOf(config, config.settings.network_def, 'network_def'));
  const { preprocessing, isXyz } = preprocessingOf(config, described.inputChannels);
  assertArgmax(config);
  const network = isXyz ? reversedNetwork(described) : described;
  const { patch, windowStep } = windowsOf(config, network, isXyz);
  const path = files.pathOf(WEIGHTS);
  return {
    paths: [files.path],
    network,
    patch,
    windowStep,
    ...(await namesOf(files, network)),
    preprocessing,
    mirrorAxes: [],
    weights: [
      {
        path,
        sha256: () => files.sha256(WEIGHTS),
        async open() {
          const file = await readTorchFile(await files.open(WEIGHTS));
          try {
            const stateDict = stateDictOf(file);
            return stateDictWeights(file, isXyz ? reversedWeights(stateDict) : stateDict, network);
          } catch (error) {
            file.close();
            throw error;
          }
        },
      },
    ],
  };
}

function windowsOf(config: BundleConfig, network: NetworkConfig, isXyz: boolean) {
  const inferer = componentOf(config, config.settings.inferer, 'inferer');
  if (inferer.target !== 'SlidingWindowInferer')
    throw new InputError(
      `${config.path}: the inferer ${inferer.target} is not known, only SlidingWindowInferer is`,
    );
  const { roi_size, overlap } = argumentsOf(config, inferer, INFERER);
  const patch = isXyz ? reversed(roi_size) : roi_size;
  const divisor = patchDivisor(network);
  if (patch.some((extent, axis) => extent % divisor[axis]! !== 0))
    throw new InputError(`${config.path}: roi_size [${roi_size}] is no multiple of the network's strides`);
  return { patch, windowStep: 1 - overlap };
}

/** The names of labels and channels that the metadata tells, else their numbers. */
async function namesOf(files: ModelFiles, { classes, inputChannels }: NetworkConfig) {
  const told = files.has(METADATA)
    ? (await readJson(files, METADATA, metadata)).network_data_format
    : undefined;
  const [input, output] = [told?.inputs, told?.outputs].map(
    (of) => Object.values(of ?? {})[0]?.channel_def ?? {},
  );
  const labelNames = Array.from({ length: classes }, (_, label) =>
    label === 0 ? 'background' : (output![label] ?? `label ${label}`),
  );
  const channelNames = Array.from(
    { length: inputChannels },
    (_, channel) => input![channel] ?? (inputChannels === 1 ? 'image' : `channel ${channel}`),
  );
  return { labelNames, channelNames };
}

/** Convolutions' weights [out, in, x, y, z] as [out, in, z, y, x]: views of the same values. */
const reversedWeights = (stateDict: StateDict): StateDict =>
  new Map(
    [...stateDict].map(([key, tensor]): [string, TorchTensor] => {
      if (tensor.shape.length !== 5) return [key, tensor];
      const turned = ([o, i, x, y, z]: readonly number[]) => [o!, i!, z!, y!, x!];
      const { storage, dtype, shape, strides, offset } = tensor;
      return [key, new TorchTensor(storage, dtype, turned(shape), turned(strides), offset)];
    }),
  );
