/** Regions as settings of a run: what its network's outputs stand for, and what cannot be done with them. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Region } from '@organseg/core/regions.ts';
import { mixesUnlabelled } from './copyPaste.ts';
import type { Config } from './schema.ts';

export const settingsOfRegions = (regions: readonly Region[] | undefined): Config['regions'] =>
  regions ? regions.map(({ labels, label }) => ({ labels: [...labels], label })) : null;

/** The label of each output channel in a label map; undefined where channels are the labels. */
export const regionLabelsOf = (of: {
  readonly regions?: readonly Region[] | null | undefined;
}): readonly number[] | undefined => of.regions?.map(({ label }) => label);

/** Throws InputError where a run labels unlabelled scans itself, which it cannot do by regions. */
export function assertRegions(config: Config, data: string): void {
  const what = mixesUnlabelled(config) ? 'copyPaste' : config.consistency && 'consistency';
  if (config.regions && what)
    throw new InputError(
      `${data}: its labels are regions, which ${what} cannot learn from unlabelled scans; set ${what}=null`,
    );
}
