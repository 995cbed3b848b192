/** The model at a path that a run starts from. */
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { openModel } from '../predict/openModel.ts';
import { type InitialModel, initialOf } from './initialWeights.ts';

/** Throws InputError where the path holds no model, or none that there is a choice of. */
export const openInitial = async (path: string, choice?: NnunetChoice): Promise<InitialModel> =>
  initialOf(await openModel(path, choice), path);
