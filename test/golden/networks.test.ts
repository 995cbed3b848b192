/** Logits of nnU-Net's and MONAI's networks, from their own files of weights, against what PyTorch gives. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inferenceProgram } from '../../packages/core/src/network/inferenceProgram.ts';
import { networkLayout, recordNetwork } from '../../packages/core/src/network/network.ts';
import type { NetworkConfig } from '../../packages/core/src/network/networkConfig.ts';
import { parametersFrom, stateDictEntries } from '../../packages/core/src/network/stateDict.ts';
import { type NpyArray, readNpy } from '../../packages/files/src/npy.ts';
import { openTorchFile } from '../../packages/files/src/torch/openTorchFile.ts';
import { TorchTensor } from '../../packages/files/src/torch/tensor.ts';
import type { Gpu } from '../../packages/kernels/src/device.ts';
import { openGpu } from '../../packages/kernels/src/open/dawn.ts';
import { relativeError } from '../../packages/kernels/src/reference/array.ts';
import { downloadF32, upload } from '../../packages/kernels/src/tensor.ts';
import { shared } from '../cli.ts';

/** The network that a reference file's meta.json tells of. */
// biome-ignore lint/suspicious/noExplicitAny: the test's own files.
function networkOf(meta: any): NetworkConfig {
  if (meta.network) {
    const { in_channels: inputChannels, out_channels: classes, ...kwargs } = meta.kwargs;
    if (meta.network === 'UNet')
      return {
        architecture: 'UNet',
        inputChannels,
        classes,
        filters: kwargs.channels,
        strides: [...kwargs.strides, 1].map((s) => [s, s, s] as const),
        kernel: [3, 3, 3],
        upKernel: [3, 3, 3],
        residualUnits: kwargs.num_res_units,
        norm: kwargs.norm.toLowerCase(),
        activation: { kind: 'PReLU', slopes: 1 },
        bias: true,
      };
    return meta.network === 'SegResNet'
      ? {
          architecture: 'SegResNet',
          inputChannels,
          classes,
          initFilters: kwargs.init_filters,
          blocksDown: kwargs.blocks_down,
          blocksUp: kwargs.blocks_up,
        }
      : {
          architecture: 'DynUNet',
          inputChannels,
          classes,
          filters: kwargs.filters,
          kernels: kwargs.kernel_size,
          strides: kwargs.strides,
          residual: kwargs.res_block,
          transposedBias: kwargs.trans_bias ?? false,
          ...(kwargs.deep_supervision && {
            deepSupervision: true,
            deepSupervisionHeads: kwargs.deep_supr_num,
          }),
        };
  }
  const { network_class_name, arch_kwargs: kwargs } = meta.architecture;
  const common = {
    inputChannels: meta.input_channels,
    classes: meta.num_classes,
    filters: kwargs.features_per_stage,
    kernels: kwargs.kernel_sizes,
    strides: kwargs.strides,
    transposedBias: kwargs.conv_bias,
    decoderConvolutions: kwargs.n_conv_per_stage_decoder,
  };
  return network_class_name.endsWith('.PlainConvUNet')
    ? { architecture: 'PlainConvUNet', ...common, convolutions: kwargs.n_conv_per_stage }
    : {
        architecture: 'ResidualEncoderUNet',
        ...common,
        blocks: kwargs.n_blocks_per_stage,
        stemChannels: kwargs.features_per_stage[0],
      };
}

/** A state dict's tensors, under whatever key of the file it lies. */
function stateDictIn(value: unknown): Map<string, TorchTensor> {
  if (!(value instanceof Map)) throw new Error('no dict');
  if ([...value.values()].every((each) => each instanceof TorchTensor)) return value;
  return stateDictIn(value.get('state_dict') ?? value.get('network_weights'));
}

/** [C, D, H, W] as [D, H, W, C]. */
function channelsLast({ shape: [channels], data }: NpyArray): Float32Array {
  const voxels = data.length / channels;
  return data.map((_, i) => data[(i % channels) * voxels + Math.floor(i / channels)]);
}

const golden = shared('golden');

describe.skipIf(!golden)('networks’ reference files (skipped where ../shared is not there)', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  test.each([
    ['nnunet/network-only/plain-no-conv-bias', 'model.pth'],
    ['nnunet/network-only/resenc-pool-skip', 'model.pth'],
    ['monai/dynunet-plain-ds', 'model.pt'],
    ['monai/dynunet-res', 'model.pt'],
    ['monai/segresnet', 'model.pt'],
    ['monai/unet-batch', 'model.pt'],
  ])('%s: every tensor is known, and the logits agree to 1e-5', async (name, weights) => {
    const folder = join(golden!, name);
    const network = networkOf(JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')));
    const file = await openTorchFile(join(folder, weights));
    const tensors = stateDictIn(file.value);
    expect([...tensors.keys()].sort()).toEqual(
      stateDictEntries(network)
        .map(({ key }) => key)
        .sort(),
    );
    const keys = parametersFrom(network, tensors, name);
    const layout = networkLayout(network);
    const parameters = layout.allocate(gpu);
    const get = (parameter: string) => file.floats(tensors.get(keys.get(parameter)!)!);
    layout.upload(gpu, parameters, { get });
    file.close();

    const input = await readNpy(join(folder, 'input.npy'));
    const expected = await readNpy(join(folder, 'logits.npy'));
    const [, d, h, w] = input.shape;
    const memory = { layout, parameters, activation: 'f32' } as const;
    const program = inferenceProgram(gpu, recordNetwork(network, 1, [d, h, w]), memory);
    upload(gpu, program.image, channelsLast(input));
    program.run();
    expect(relativeError(await downloadF32(gpu, program.logits), channelsLast(expected))).toBeLessThan(1e-5);
    program.close();
  });
});
