/** The settings that a model trained elsewhere gives a run that goes on from it. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import type { Model } from '../predict/model.ts';
import { inUnitOf } from './augmentations.ts';
import { networkConfig, settingsOfNetwork } from './networkSettings.ts';
import type { Config } from './schema.ts';

/**
 * Its network, patch, step between windows, spacing and intensities, with the base's augmentations in their unit; how
 * many classes there are, the data set says. Throws InputError that names what settings cannot express.
 */
export function settingsOfModel(
  model: Model,
  { augmentations }: Pick<Config, 'augmentations'>,
): Partial<Config> {
  const { paths, network, patch, windowStep, regions } = model;
  const refuse = (fault: string) => new InputError(`${paths[0]}: ${fault}, and cannot be fine-tuned`);
  if (regions) throw refuse('predicts regions that overlap');
  const { classes, ...settings } = settingsOfNetwork(network);
  const prepared = preparation(model, refuse);
  const difference = firstDifference(
    { deepSupervision: false, ...network },
    networkConfig({ classes, ...settings, channels: prepared.channels, regions: null }),
  );
  if (difference) throw refuse(`has a network with ${difference}`);
  const inUnit = prepared.channels && { augmentations: inUnitOf(augmentations, 1) };
  return { ...settings, patch, windowStep, ...prepared, ...inUnit };
}

type Preparation = Partial<Config> & Pick<Config, 'channels'>;

/** The settings of the network's grid and intensities. */
function preparation({ preprocessing }: Model, refuse: (fault: string) => InputError): Preparation {
  if (preprocessing.by === 'organseg') {
    const { spacingMm, intensity } = preprocessing;
    const { low, high, outside } = intensity;
    return {
      spacingMm,
      channels: null,
      intensityLowHu: low,
      intensityHighHu: high,
      intensityOutside: outside,
    };
  }
  const { transposeForward, spacingMm, channels } = preprocessing;
  if (transposeForward.some((axis, i) => axis !== i))
    throw refuse(`transposes scans by [${transposeForward}]`);
  const own: Preparation = {
    spacingMm: spacingMm.toReversed() as unknown as Xyz,
    channels: [...channels],
    labelResampling: 'linear',
  };
  const [normalisation] = channels;
  if (channels.length > 1 || normalisation?.scheme !== 'CTNormalization') return own;
  // What one channel of CT is brought to where `channels` is taken back to null.
  const { low, high } = normalisation;
  if (!(low < high)) throw refuse(`clips intensities to ${low} … ${high}`);
  return { ...own, intensityLowHu: low, intensityHighHu: high, intensityOutside: 'clip' };
}
