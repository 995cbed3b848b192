/** The model at a path that a run starts from. */
import { openModel } from '../predict/openModel.ts';
import { type InitialModel, initialOf } from './initialWeights.ts';

/** Throws InputError where the path holds no model. */
export const openInitial = async (path: string): Promise<InitialModel> =>
  initialOf(await openModel(path), path);
