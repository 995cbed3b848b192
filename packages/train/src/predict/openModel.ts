/** Models by their folders: runs, and models that were trained elsewhere. */
import { openModelFiles } from '../imported/openModelFiles.ts';
import { averageOf, type Model } from './model.ts';
import { modelOfFiles } from './modelOfFiles.ts';

/** Which weights of a model of nnU-Net are averaged. */
export interface ModelChoice {
  /** The folds by name, 0 … or all; those that there are unless given. */
  readonly folds?: readonly string[] | undefined;
  /** nnU-Net's checkpoint_final or checkpoint_best; final unless given. */
  readonly checkpoint?: 'final' | 'best' | undefined;
}

/**
 * The model of a folder, or of several that are alike, whose logits are averaged. Throws InputError where a folder holds
 * none, or none that there is a choice of, or they are not alike.
 */
export async function openModel(
  folders: string | readonly string[],
  choice: ModelChoice = {},
): Promise<Model> {
  const modelAt = async (path: string) => modelOfFiles(await openModelFiles(path), choice);
  return averageOf(await Promise.all([folders].flat().map(modelAt)));
}
