/** The model of runs, for export. */
import type { Preprocessing } from '@organseg/core/inference/preprocess.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { Model } from '../predict/model.ts';
import { openModel } from '../predict/openModel.ts';

/** A model whose scans are prepared as this program does it. */
export interface RunModel extends Model {
  readonly preprocessing: { readonly by: 'organseg' } & Preprocessing;
}

/** Throws InputError where a folder is no run, or the runs are not alike. */
export async function openRuns(runs: readonly string[]): Promise<RunModel> {
  const model = await openModel(runs);
  const { preprocessing } = model;
  if (preprocessing.by !== 'organseg')
    throw new InputError(`${runs[0]}: is a model of ${preprocessing.by}, only runs are exported`);
  return { ...model, preprocessing };
}
