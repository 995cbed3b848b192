/** The teacher of a pipeline or an experiment that was trained elsewhere, as the command line names it. */
import { InputError } from '@organseg/core/inputError.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { labelTable } from '@organseg/train/joined/labelLookup.ts';
import { Option } from 'commander';
import { say } from '../terminal/command.ts';
import { type PlannedTeacher, translated } from './segmenters.ts';

export interface TeacherOptions extends NnunetChoice {
  readonly teacher?: string;
  readonly labelMap?: string;
}

export const labelMapOption = () =>
  new Option(
    '--label-map <table.json>',
    'which of the teacher’s labels become which of the data set’s (default: those of one name)',
  );

/**
 * The teacher, its labels those of a data set; undefined where none is asked for. Throws InputError where none of its
 * labels is one of them, or an option is for a teacher that is missing.
 */
export async function teacherOf(
  { teacher, labelMap, folds, checkpoint }: TeacherOptions,
  target: Parameters<typeof translated>[2],
): Promise<PlannedTeacher | undefined> {
  if (teacher === undefined) {
    const option = labelMap ? '--label-map' : folds ? '--folds' : checkpoint ? '--checkpoint' : undefined;
    if (option) throw new InputError(`${option} is for --teacher alone`);
    return undefined;
  }
  const table = labelMap === undefined ? undefined : await readJsonFile(labelMap, labelTable);
  const source = labelMap ?? teacher;
  const { planned, notes } = await translated(teacher, { folds, checkpoint }, target, table, source);
  for (const note of notes) say(note);
  return planned;
}
