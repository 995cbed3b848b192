/** Models by their paths, as commands open them. */
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { say } from '../terminal/command.ts';

/** The model of these paths; says what its user should know of it. Throws InputError. */
export async function openWithNotes(
  paths: string | readonly string[],
  choice: NnunetChoice | readonly NnunetChoice[],
): Promise<Model> {
  const model = await openModel(paths, choice);
  for (const note of model.notes ?? []) say(note);
  return model;
}
