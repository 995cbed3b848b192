import { InputError } from '@organseg/core/inputError.ts';
import { PRESETS, type PresetName } from '@organseg/train/presets.ts';
import { TUNE_MODES, type TuneMode } from '../src/tune/tiles.ts';

/** Throws InputError where there is no such preset. */
export function presetNamed(name: string): PresetName {
  if (!Object.hasOwn(PRESETS, name)) {
    throw new InputError(`--preset ${name}: expects one of ${Object.keys(PRESETS).join(', ')}`);
  }
  return name as PresetName;
}

export function tuneMode(text: string): TuneMode {
  const mode = TUNE_MODES.find((name) => name === text);
  if (!mode) throw new InputError(`--tune ${text}: expects ${TUNE_MODES.join(', ')}`);
  return mode;
}
