/** The check that runs are alike enough for their logits to be averaged. */
import { InputError } from '@organseg/core/inputError.ts';
import { preprocessingOf, unetConfig } from '../config/network.ts';
import type { RunDescription } from '../run/runFolder.ts';

/** Throws InputError, naming what differs, unless the logits of two runs mean the same. */
export function assertAlike(a: RunDescription, aName: string, b: RunDescription, bName: string): void {
  const facts = ({ labelNames, config }: RunDescription) => ({
    labels: labelNames,
    network: unetConfig(config),
    preprocessing: preprocessingOf(config),
    patch: config.patch,
  });
  const [one, other] = [facts(a), facts(b)];
  for (const key of Object.keys(one) as (keyof typeof one)[]) {
    if (JSON.stringify(one[key]) !== JSON.stringify(other[key]))
      throw new InputError(`${bName}: its ${key} are not those of ${aName}; only such runs can be averaged`);
  }
}
