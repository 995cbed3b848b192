import { InputError } from '@organseg/core/inputError.ts';
import { PRESETS, type PresetName } from '../src/presets.ts';

/** Throws InputError where there is no such preset. */
export function presetNamed(name: string): PresetName {
  if (!Object.hasOwn(PRESETS, name)) {
    throw new InputError(`--preset ${name}: expects one of ${Object.keys(PRESETS).join(', ')}`);
  }
  return name as PresetName;
}
