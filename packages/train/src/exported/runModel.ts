/** The model of runs, for export. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Model } from '../predict/model.ts';
import { openModel } from '../predict/openModel.ts';
import { isRun } from '../run/runFolder.ts';

/** Throws InputError where a folder is no run, or the runs are not alike. */
export async function openRuns(runs: readonly string[]): Promise<Model> {
  const other = runs.find((run) => !isRun(run));
  if (other !== undefined) throw new InputError(`${other}: is no run; only runs are exported`);
  return await openModel(runs);
}
