/** Models trained elsewhere as a run's settings. */
import { expect, test } from 'vitest';
import { tinyConfig } from '../../test/fixture.ts';
import type { Model } from '../predict/model.ts';
import { settingsOfModel } from './modelSettings.ts';
import { preprocessingOf } from './network.ts';
import { networkConfig } from './networkSettings.ts';
import { resolveConfig } from './resolve.ts';
import type { Config } from './schema.ts';

/** What a run's own model says. */
const modelOf = (config: Config): Model => ({
  paths: ['model'],
  network: networkConfig(config),
  patch: config.patch,
  windowStep: config.windowStep,
  labelNames: [],
  channelNames: ['CT'],
  preprocessing: preprocessingOf(config),
  mirrorAxes: [],
  weights: [],
});

const resampling = { order: 3, orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;
const CT = { scheme: 'CTNormalization', low: -160, high: 240, mean: 40, std: 80 } as const;
const nnunet = {
  by: 'nnU-Net',
  reorient: true,
  transposeForward: [0, 1, 2],
  spacingMm: [3, 2, 1],
  channels: [CT],
  dataResampling: resampling,
  logitsResampling: { ...resampling, order: 1 },
} as const;

const UNET = {
  kernels: [
    [3, 3, 1],
    [3, 3, 1],
  ],
  strides: [
    [1, 2, 2],
    [1, 1, 1],
  ],
  unet: {
    upKernel: [3, 3, 3],
    residualUnits: 3,
    norm: 'batch',
    activation: { kind: 'PReLU', slopes: 1 },
    bias: false,
  },
} satisfies Partial<Config>;

const plain = modelOf(tinyConfig({ architecture: 'PlainConvUNet' }));

test.each<[string, Partial<Config>]>([
  ['DynUNet', { residual: false, spacingMm: [1, 2, 3], windowStep: 0.25 }],
  ['PlainConvUNet', { blocks: [1, 3], decoderBlocks: [2], transposedBias: false }],
  ['ResidualEncoderUNet', { intensityLowHu: -100, intensityOutside: 'clip' }],
  ['SegResNet', { filters: [8, 16], classes: 3 }],
  ['UNet', UNET],
])('of a %s they make the same network, fed alike', (architecture, changes) => {
  const model = modelOf(tinyConfig({ architecture: architecture as Config['architecture'], ...changes }));
  const { classes } = model.network;
  const config = resolveConfig(
    { ...tinyConfig(), ...settingsOfModel(model, tinyConfig()), classes },
    undefined,
    [],
  );
  expect(modelOf(config)).toEqual(model);
});

test.each([
  ['one channel of CT', [CT]],
  ['two channels', [CT, { scheme: 'ZScoreNormalization', useMask: true }]],
] as const)(
  'of nnU-Net’s with %s: its preparation of scans, and augmentations in its unit',
  (_, channels) => {
    const network = { ...plain.network, inputChannels: channels.length };
    const model = { ...plain, network, preprocessing: { ...nnunet, channels } };
    const settings = settingsOfModel(model, tinyConfig());
    // Six deviations are the presets' unit.
    expect(settings.augmentations).toContainEqual({
      kind: 'noise',
      probability: 0.5,
      mean: [0, 0.6],
      std: [0, 0.6],
    });
    const config = resolveConfig({ ...tinyConfig(), ...settings }, undefined, []);
    expect(networkConfig(config)).toEqual({ deepSupervision: false, ...network });
    expect(preprocessingOf(config)).toEqual({ ...nnunet, channels });
  },
);

test.each<[Partial<Model>, string]>([
  [{ regions: [{ labels: [1, 2], label: 1 }] }, 'predicts regions that overlap'],
  [{ preprocessing: { ...nnunet, transposeForward: [2, 0, 1] } }, 'transposes scans by [2,0,1]'],
  [
    {
      network: {
        ...networkConfig(tinyConfig({ architecture: 'ResidualEncoderUNet' })),
        stemChannels: 6,
      } as Model['network'],
    },
    'has a network with stemChannels 6, not 4',
  ],
])('%j cannot be expressed', (changes, fault) => {
  expect(() => settingsOfModel({ ...plain, ...changes }, tinyConfig())).toThrow(
    `model: ${fault}, and cannot be fine-tuned`,
  );
});
