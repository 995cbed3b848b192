/** How a bundle of MONAI prepares scans, where that means what this program does. */
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { z } from 'zod';
import { argumentsOf, type BundleConfig, componentOf, resolved } from './bundleConfig.ts';

export interface MonaiPreprocessing extends Preprocessing {
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

/** The steps that a bundle must have, in this order. */
const STEPS = ['Orientationd', 'Spacingd', 'ScaleIntensityRanged'];

/** Throws InputError that names the transform that is not known, or missing, or whose arguments are not. */
export function preprocessingOf(config: BundleConfig): MonaiPreprocessing {
  const transforms = transformsOf(config, 'preprocessing');
  const steps = transforms.map(({ target }) => target).filter((target) => STEPS.includes(target));
  if (steps.join() !== STEPS.join())
    throw new InputError(`${config.path}: preprocessing expects ${STEPS.join(', then ')}, once each`);
  let spacingMm: Preprocessing['spacingMm'] | undefined;
  let intensity: Preprocessing['intensity'] | undefined;
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
  return { spacingMm: spacingMm!, intensity: intensity!, isXyz };
}

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
  const list = resolved(config, chain.settings.transforms);
  if (chain.target !== 'Compose' || !Array.isArray(list))
    throw new InputError(`${config.path}: ${name} expects a Compose of transforms`);
  return list
    .map((transform, i) => componentOf(config, transform, `${name}.transforms.${i}`))
    .filter(({ settings }) => settings._disabled_ !== true);
}
