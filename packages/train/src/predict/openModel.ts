/** Models by their folders: runs, and models that were trained elsewhere. */
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { openModelFiles } from '../imported/openModelFiles.ts';
import { averageOf, type Model } from './model.ts';
import { modelOfFiles } from './modelOfFiles.ts';

/**
 * The model of a folder, or of several that are alike, whose logits are averaged; the choice holds for all folders, or is
 * one for each. Throws InputError where a folder holds no model, or none that there is a choice of, or they are not alike.
 */
export async function openModel(
  folders: string | readonly string[],
  choice: NnunetChoice | readonly NnunetChoice[] = {},
): Promise<Model> {
  const choiceOf = (i: number): NnunetChoice => ('at' in choice ? choice.at(i)! : choice);
  const modelAt = async (path: string, i: number) => modelOfFiles(await openModelFiles(path), choiceOf(i));
  return averageOf(await Promise.all([folders].flat().map(modelAt)));
}
