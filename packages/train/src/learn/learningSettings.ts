/** The settings of a short training of a model on a single case. */
import { settingsOfModel } from '../config/modelSettings.ts';
import { NNUNET_NOISE, PRESETS } from '../config/presets.ts';
import { type Config, parseConfig } from '../config/schema.ts';
import type { Model } from '../predict/model.ts';

/** Steps from one learning rate to the next lower one. */
const STEPS_AT_ONE_RATE = 10;

/**
 * The learning rate of a network whose finest stage has one filter. Adam moves each weight by about the rate, and weights
 * are the smaller the more filters they read: the model in the box, of 8 filters, has 0.001, a network of 32 has 0.00025.
 */
const RATE = 8e-3;

/** How much faster a network of random weights learns: of a phantom it then learns in 50 steps what else takes 200. */
const FROM_NOTHING = 4;

/**
 * The model's network, grid and patch, trained by about so many steps of one patch each. Patches are not mirrored: from one
 * case a network would unlearn which side is which. Throws InputError where the model cannot be fine-tuned.
 */
export function learningSettings(model: Model, steps: number): Config {
  const base: Config = {
    ...PRESETS.gao2022,
    augmentations: NNUNET_NOISE.filter(({ kind }) => kind !== 'mirror'),
    foregroundShare: 0.5,
    batch: 1,
    patchesPerImage: 1,
    stepsPerEpoch: STEPS_AT_ONE_RATE,
    weightAverage: 0.97,
    gradientNorm: 1,
    decayHorizonEpochs: null,
    checkpoint: 'final',
  };
  const settings = { ...base, ...settingsOfModel(model, base), classes: model.labelNames.length };
  const learningRate = RATE / settings.filters[0]!;
  const fineTuning = { epochs: Math.ceil(steps / STEPS_AT_ONE_RATE), learningRate, augment: true };
  const initial = { ...fineTuning, learningRate: FROM_NOTHING * learningRate };
  return parseConfig({ ...settings, initial, fineTuning }, model.paths[0]!);
}
