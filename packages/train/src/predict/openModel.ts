/** Models by their folders: runs, and models that were trained elsewhere. */
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { openModelFiles } from '../imported/openModelFiles.ts';
import { averageOf, type Model } from './model.ts';
import { modelOfFiles } from './modelOfFiles.ts';

/**
 * The model of a folder, or of several that are alike, whose logits are averaged. Throws InputError where a folder holds
 * none, or none that there is a choice of, or they are not alike.
 */
export async function openModel(
  folders: string | readonly string[],
  choice: NnunetChoice = {},
): Promise<Model> {
  const modelAt = async (path: string) => modelOfFiles(await openModelFiles(path), choice);
  return averageOf(await Promise.all([folders].flat().map(modelAt)));
}
