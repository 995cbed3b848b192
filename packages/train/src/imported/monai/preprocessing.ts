/** How a bundle of MONAI prepares scans, where that means what this program does. */
import { dhwOf } from '@organseg/core/inference/axes.ts';
import type { Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import type { IntensityRange } from '@organseg/kernels/ops/intensity.ts';
import { z } from 'zod';
import type { ModelPreprocessing } from '../../predict/model.ts';
import { argumentsOf, type BundleConfig, type Component, componentOf, resolved } from './bundleConfig.ts';
import { normalisationsOf } from './normalizeIntensity.ts';

export interface MonaiPreprocessing {
  readonly preprocessing: ModelPreprocessing;
  /** Whether the network's D, H, W are x, y, z of the turned scan, as MONAI has them; else z, y, x. */
  readonly isXyz: boolean;
}

/** Transforms that read a scan, or change its type alone. */
const NEUTRAL = ['LoadImaged', 'EnsureChannelFirstd', 'AddChanneld', 'EnsureTyped', 'ToTensord', 'ToDeviced'];

/** Transforms that make labels of logits and bring them back to the scan, as is done here. */
const BACK = ['Invertd', 'SaveImaged', ...NEUTRAL];

const ORIENTATION = { axcodes: z.literal('RAS') };
const SPACING = {
  pixdim: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
  mode: z.union([z.literal('bilinear'), z.tuple([z.literal('bilinear')])]).default('bilinear'),
};
const INTENSITY = {
  a_min: z.number(),
  a_max: z.number(),
  b_min: z.literal(0),
  b_max: z.literal(1),
  clip: z.literal(true),
};
/** The body is found by this program's own rule, so that what is foreground must not be told. */
const CROP = { select_fn: z.undefined().optional() };
const AXES = { indices: z.tuple([z.literal(0), z.literal(3), z.literal(2), z.literal(1)]) };

/** The steps that a bundle has in this order, the last two of which it may have one of. */
const STEPS = ['Orientationd', 'Spacingd', 'ScaleIntensityRanged', 'NormalizeIntensityd'];

/**
 * Of a network that sees so many channels. Throws InputError that names the transform that is not known, or missing, or
 * whose arguments are not.
 */
export function preprocessingOf(config: BundleConfig, inputChannels: number): MonaiPreprocessing {
  const transforms = transformsOf(config, 'preprocessing');
  assertSteps(config, transforms);
  let spacingMm: Xyz | undefined;
  let intensity: IntensityRange | undefined;
  let normalisations: Normalisation[] | undefined;
  let isXyz = true;
  for (const transform of transforms) {
    switch (transform.target) {
      case 'Orientationd':
        argumentsOf(config, transform, ORIENTATION);
        break;
      case 'Spacingd':
        spacingMm = argumentsOf(config, transform, SPACING).pixdim;
        break;
      case 'ScaleIntensityRanged': {
        const { a_min: low, a_max: high } = argumentsOf(config, transform, INTENSITY);
        intensity = { low, high, outside: 'clip' };
        break;
      }
      case 'NormalizeIntensityd':
        normalisations = normalisationsOf(config, transform, intensity, inputChannels);
        break;
      case 'CropForegroundd':
        argumentsOf(config, transform, CROP);
        break;
      case 'Transposed':
        argumentsOf(config, transform, AXES);
        isXyz = !isXyz;
        break;
      default:
        if (!NEUTRAL.includes(transform.target))
          throw new InputError(`${config.path}: the transform ${transform.target} is not known`);
    }
  }
  if (normalisations) return { preprocessing: normalised(normalisations, spacingMm!), isXyz };
  if (inputChannels !== 1)
    throw new InputError(
      `${config.path}: the network sees ${inputChannels} channels, only one is prepared without NormalizeIntensityd`,
    );
  return { preprocessing: { by: 'organseg', spacingMm: spacingMm!, intensity: intensity! }, isXyz };
}

/** Throws InputError unless the steps are there, each once and in their order. */
function assertSteps(config: BundleConfig, transforms: readonly Component[]): void {
  const steps = transforms.map(({ target }) => target).filter((target) => STEPS.includes(target));
  const [orientation, spacing, ...intensities] = STEPS;
  const isKnown = [intensities, ...intensities.map((each) => [each])].some(
    (each) => steps.join() === [orientation, spacing, ...each].join(),
  );
  if (!isKnown)
    throw new InputError(
      `${config.path}: preprocessing expects ${orientation}, then ${spacing}, then ${intensities.join(' or ')} or both, once each`,
    );
}

/** Scans that are normalised channel by channel are prepared as for nnU-Net, but for the linear resampling. */
const LINEAR = { order: 1, orderZ: 0, forceSeparateZ: false, separateZThreshold: 3 } as const;
const normalised = (channels: readonly Normalisation[], spacingMm: Xyz): ModelPreprocessing => ({
  by: 'nnU-Net',
  reorient: true,
  transposeForward: [0, 1, 2],
  spacingMm: dhwOf(spacingMm),
  channels,
  dataResampling: LINEAR,
  logitsResampling: LINEAR,
});

/** Throws InputError where labels are made of logits in another way than by the largest one. */
export function assertArgmax(config: BundleConfig): void {
  if (!('postprocessing' in config.settings)) return;
  for (const { target, settings } of transformsOf(config, 'postprocessing')) {
    const isKnown =
      BACK.includes(target) ||
      (target === 'Activationsd' && !settings.sigmoid) ||
      (target === 'AsDiscreted' && !settings.threshold);
    if (!isKnown) throw new InputError(`${config.path}: ${target} of postprocessing is not known`);
  }
}

/** The transforms of a chain, without those that are switched off. */
function transformsOf(config: BundleConfig, name: string) {
  const chain = componentOf(config, config.settings[name], name);
  const list = resolved(config, chain.settings.transforms, `${name}.transforms`);
  if (chain.target !== 'Compose' || !Array.isArray(list))
    throw new InputError(`${config.path}: ${name} expects a Compose of transforms`);
  return list
    .map((transform, i) => componentOf(config, transform, `${name}.transforms.${i}`))
    .filter(({ settings }) => settings._disabled_ !== true);
}
