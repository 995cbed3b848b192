/** Bundles of MONAI, made of a reference network's weights and the settings that bundles have. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { openTorchFile } from '@organseg/files/torch/openTorchFile.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Model } from '../../predict/model.ts';
import { openModel } from '../../predict/openModel.ts';
import { stateDictOf } from '../stateDictWeights.ts';

const reference = golden('monai/dynunet-res');
const WEIGHTS = 'input_block.conv1.conv.weight';

const UNET = { _target_: 'UNet', kernel_size: 3, channels: [8, 16, 32], strides: [2, 2], num_res_units: 2 };

const keys = '@image_key';
const STEPS = {
  orientation: { _target_: 'Orientationd', keys, axcodes: 'RAS' },
  spacing: { _target_: 'Spacingd', keys, pixdim: '@pixdim', mode: 'bilinear' },
  intensity: {
    _target_: 'ScaleIntensityRanged',
    keys,
    a_min: -175,
    a_max: 250,
    b_min: 0,
    b_max: 1,
    clip: true,
  },
};
const NORMALIZE = { _target_: 'NormalizeIntensityD', keys };
const BY = { subtrahend: 0.5, divisor: 0.25 };
const chain = (...steps: object[]) => ({
  _target_: 'Compose',
  transforms: [{ _target_: 'LoadImaged', keys }, { _target_: 'EnsureChannelFirstd', keys }, ...steps],
});
const PREPROCESSING = chain(...Object.values(STEPS));

/** A bundle of the reference's weights, whose settings and network's arguments are changed as a test wants. */
function bundle(changes: object = {}, network: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const part of ['models', 'configs']) mkdirSync(join(folder, part));
  copyFileSync(`${reference}/model.pt`, join(folder, 'models', 'model.pt'));
  const { kwargs } = JSON.parse(readFileSync(`${reference}/meta.json`, 'utf8'));
  const settings = {
    image_key: 'image',
    pixdim: [1.5, 2, 3],
    windows: { overlap: 0.625 },
    network_def: { _target_: 'monai.networks.nets.DynUNet', ...kwargs, ...network },
    preprocessing: PREPROCESSING,
    inferer: {
      _target_: 'SlidingWindowInferer',
      roi_size: [16, 32, 48],
      overlap: '@windows#overlap',
      sw_batch_size: '$2 + 2',
    },
    postprocessing: {
      _target_: 'Compose',
      transforms: [
        { _target_: 'Activationsd', keys: 'pred', softmax: true },
        { _target_: 'AsDiscreted', keys: 'pred', argmax: true },
      ],
    },
    ...changes,
  };
  writeFileSync(join(folder, 'configs', 'inference.json'), JSON.stringify(settings));
  const outputs = { pred: { channel_def: { 0: 'background', 1: 'liver', 2: 'spleen' } } };
  const metadata = { network_data_format: { inputs: { image: { channel_def: { 0: 'CT' } } }, outputs } };
  writeFileSync(join(folder, 'configs', 'metadata.json'), JSON.stringify(metadata));
  return folder;
}

async function weightsOf(model: Model): Promise<Float32Array> {
  const open = await model.weights[0]!.open(networkLayout(model.network).specs);
  try {
    return open.get(WEIGHTS)!;
  } finally {
    open.close();
  }
}

describe.skipIf(!reference)('bundles of MONAI (skipped where ../shared is not there)', () => {
  /** [8, 1, 3, 3, 3] of the reference. */
  async function referenceWeights(): Promise<Float32Array> {
    const file = await openTorchFile(`${reference}/model.pt`);
    const values = file.floats(stateDictOf(file).get(WEIGHTS)!);
    file.close();
    return values;
  }

  test('are turned from x, y, z to z, y, x', async () => {
    const model = await openModel(bundle());
    expect(model).toMatchObject({
      network: { architecture: 'DynUNet', residual: true, filters: [8, 12, 16, 24], classes: 5 },
      patch: [48, 32, 16],
      windowStep: 0.375,
      labelNames: ['background', 'liver', 'spleen', 'label 3', 'label 4'],
      channelNames: ['CT'],
      preprocessing: {
        by: 'organseg',
        spacingMm: [1.5, 2, 3],
        intensity: { low: -175, high: 250, outside: 'clip' },
      },
    });
    const [turned, before] = [await weightsOf(model), await referenceWeights()];
    for (let filter = 0; filter < 8; filter++)
      for (let tap = 0; tap < 27; tap++) {
        const [x, y, z] = [Math.floor(tap / 9), Math.floor(tap / 3) % 3, tap % 3];
        expect(turned[27 * filter + 9 * z + 3 * y + x]).toBe(before[27 * filter + tap]);
      }
  });

  test('stay as they are where the bundle turns the scan itself', async () => {
    const turn = { _target_: 'Transposed', keys, indices: [0, 3, 2, 1] };
    const model = await openModel(bundle({ preprocessing: chain(...Object.values(STEPS), turn) }));
    expect(model.patch).toEqual([16, 32, 48]);
    expect(await weightsOf(model)).toEqual(await referenceWeights());
  });

  test.each<[string, object[], number, object[]]>([
    [
      'numbers that are given',
      [{ ...NORMALIZE, subtrahend: 40, divisor: 80 }],
      1,
      [{ scheme: 'CTNormalization', low: -(2 ** 31), high: 2 ** 31, mean: 40, std: 80 }],
    ],
    [
      'numbers that are given, of a range',
      [STEPS.intensity, { ...NORMALIZE, ...BY }],
      1,
      [{ scheme: 'CTNormalization', low: -175, high: 250, mean: 37.5, std: 106.25 }],
    ],
    ['the scan’s own', [NORMALIZE], 1, [{ scheme: 'ZScoreNormalization', useMask: false }]],
    [
      'those of each channel, but for 0',
      [{ ...NORMALIZE, nonzero: true, channel_wise: true }],
      2,
      Array(2).fill({ scheme: 'ZScoreNormalization', useMask: true }),
    ],
  ])('intensities are normalised by %s', async (_, steps, in_channels, channels) => {
    const preprocessing = chain(STEPS.orientation, STEPS.spacing, ...steps);
    const model = await openModel(bundle({ preprocessing }, { in_channels }));
    expect(model.preprocessing).toMatchObject({
      by: 'nnU-Net',
      reorient: true,
      transposeForward: [0, 1, 2],
      spacingMm: [3, 2, 1.5],
      channels,
      dataResampling: { order: 1, forceSeparateZ: false },
    });
    expect(model.channelNames).toEqual(['CT', 'channel 1'].slice(0, in_channels));
  });

  test('strides and kernels are turned too', async () => {
    const { network } = await openModel(
      bundle(
        { inferer: { _target_: 'SlidingWindowInferer', roi_size: 16 } },
        {
          kernel_size: [[3, 3, 1], 3, 3, 3],
          strides: [1, [2, 2, 1], 2, 2],
          upsample_kernel_size: [[2, 2, 1], 2, 2],
        },
      ),
    );
    expect(network).toMatchObject({
      kernels: [
        [1, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
        [3, 3, 3],
      ],
      strides: [
        [1, 1, 1],
        [1, 2, 2],
        [2, 2, 2],
        [2, 2, 2],
      ],
    });
  });

  test.each<[string, Parameters<typeof bundle>]>([
    ['the network UNETR is not known', [{}, { _target_: 'UNETR' }]],
    [
      'UNet: norm expects "BATCH", "INSTANCE" or ["INSTANCE", {"affine": true}], got ["group"',
      [{}, { ...UNET, norm: ['group', { num_groups: 2 }] }],
    ],
    ['UNet: act expects PRELU, RELU or LEAKYRELU, got "GELU"', [{}, { ...UNET, act: 'GELU' }]],
    [
      'UNet: adn_ordering expects the norm before the activation, "NDA", got "AND"',
      [{}, { ...UNET, adn_ordering: 'AND' }],
    ],
    [
      'UNet: strides expects one for each of the channels but the last, got [[2,2,2]]',
      [{}, { ...UNET, strides: [2] }],
    ],
    ['UNet: network: kernels of 1, 3 and 5 are known, got [7,7,7]', [{}, { ...UNET, kernel_size: 7 }]],
    [
      'UNet: network: the strides are at most the transposed kernel [3,3,3], got [4,4,4]',
      [{}, { ...UNET, strides: [4, 2] }],
    ],
    ['UNet: network: PReLU expects one slope', [{}, { ...UNET, act: ['PRELU', { num_parameters: 8 }] }]],
    ['DynUNet: in_channels is computed by Python, which is not run: $1 + 1', [{}, { in_channels: '$1 + 1' }]],
    ['DynUNet: upsample_kernel_size expects the strides', [{}, { upsample_kernel_size: [2, 2, 1] }]],
    ['DynUNet: norm_name expects ["INSTANCE", {"affine": true}], got "batch"', [{}, { norm_name: 'batch' }]],
    ['DynUNet: act_name expects leakyrelu', [{}, { act_name: 'prelu' }]],
    ['the network sees 2 channels', [{}, { in_channels: 2 }]],
    ['the inferer SimpleInferer is not known', [{ inferer: { _target_: 'SimpleInferer' } }]],
    [
      'roi_size [20,32,48] is no multiple',
      [{ inferer: { _target_: 'SlidingWindowInferer', roi_size: [20, 32, 48] } }],
    ],
    [
      'preprocessing expects Orientationd, then Spacingd, then ScaleIntensityRanged',
      [{ preprocessing: chain(STEPS.spacing) }],
    ],
    [
      'the transform HistogramNormalized is not known',
      [{ preprocessing: chain(...Object.values(STEPS), { _target_: 'HistogramNormalized' }) }],
    ],
    [
      'NormalizeIntensityd: expects subtrahend and divisor behind ScaleIntensityRanged',
      [{ preprocessing: chain(...Object.values(STEPS), NORMALIZE) }],
    ],
    [
      'NormalizeIntensityd: expects subtrahend and divisor, or neither',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing, { ...NORMALIZE, divisor: 100 }) }],
    ],
    [
      'NormalizeIntensityd: nonzero expects false where subtrahend and divisor are given',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing, { ...NORMALIZE, ...BY, nonzero: true }) }],
    ],
    [
      'NormalizeIntensityd: divisor expects numbers above 0, got 0',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing, { ...NORMALIZE, ...BY, divisor: 0 }) }],
    ],
    [
      'NormalizeIntensityd: channel_wise expects true, of 2 channels',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing, NORMALIZE) }, { in_channels: 2 }],
    ],
    [
      'preprocessing expects Orientationd, then Spacingd, then ScaleIntensityRanged or NormalizeIntensityd or both',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing) }],
    ],
    [
      'Orientationd: axcodes',
      [{ preprocessing: chain({ ...STEPS.orientation, axcodes: 'LPS' }, STEPS.spacing, STEPS.intensity) }],
    ],
    [
      'ScaleIntensityRanged: clip',
      [{ preprocessing: chain(STEPS.orientation, STEPS.spacing, { ...STEPS.intensity, clip: false }) }],
    ],
    [
      'network_def is computed by Python, which is not run: $monai.networks.nets.DynUNet()',
      [{ network_def: '$monai.networks.nets.DynUNet()' }],
    ],
    [
      'network_def is taken from elsewhere, which is not read: %train.json#network_def',
      [{ network_def: '%train.json#network_def' }],
    ],
    [
      'preprocessing.transforms is computed by Python, which is not run: $@first + @second',
      [{ preprocessing: { _target_: 'Compose', transforms: '$@first + @second' } }],
    ],
    ['the reference @pixdim leads nowhere', [{ pixdim: '@pixdim' }]],
    [
      'KeepLargestConnectedComponentd of postprocessing is not known',
      [{ postprocessing: chain({ _target_: 'KeepLargestConnectedComponentd' }) }],
    ],
  ])('%s', async (fault, changes) => {
    const refusal = openModel(bundle(...changes));
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(fault);
  });

  test('without the weights it says so', async () => {
    const folder = bundle();
    rmSync(join(folder, 'models', 'model.pt'));
    writeFileSync(join(folder, 'models', 'model.ts'), '');
    await expect(openModel(folder)).rejects.toThrow(
      `${folder}: has no models/model.pt; TorchScript is not read`,
    );
  });
});
