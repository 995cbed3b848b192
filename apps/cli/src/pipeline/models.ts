/** The models of a pipeline, and the folders that they and their labels lie in. */
import { studentConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { foldRuns } from './tasks.ts';

/** A model: the name of its folder, and what the report calls it. */
export interface Model {
  readonly folder: string;
  readonly name: string;
  /** Names of the runs whose logits are averaged, where it is not the folder's own alone. */
  readonly runs?: readonly string[];
}

/** A teacher of the first round that was trained elsewhere. */
export const FROM_ELSEWHERE: Model = { folder: 'teacher', name: 'the teacher' };

/** The teacher of the first round: one run, or one of each fold. */
export function firstTeacher(config: Config): Model {
  const model = { folder: 'labelled-only', name: 'labelled only' };
  if (config.folds === null) return model;
  return { ...model, runs: foldRuns(config, model.folder).map(({ name }) => name) };
}

/** The settings of the model of the labelled cases alone, whatever its students do. */
export const labelledOnlyConfig = (config: Config): Config => ({ ...config, copyPaste: null });

/** The student of each round. */
export function studentsOf(config: Config): Model[] {
  const names: string[] = [];
  return Array.from({ length: config.rounds }, (_, round): Model => {
    const name = nameOf(studentConfig(config, round));
    names.push(name);
    const times = names.filter((each) => each === name).length;
    return {
      name,
      folder: `${name.replace('the ', '').replaceAll(' ', '-')}${times > 1 ? `-${times}` : ''}`,
    };
  });
}

function nameOf({ consistency, copyPaste, studentStart }: Config): string {
  if (copyPaste) return 'with copy-paste';
  if (consistency) return 'with the mean teacher';
  return studentStart === 'scratch' ? 'with the noisy student' : 'with pseudo-labels';
}

/** The name of the folder of a round's pseudo-labels; rounds count from 0. */
export const pseudoLabelsOf = (round: number): string => `pseudo-labels${round ? `-${round + 1}` : ''}`;
