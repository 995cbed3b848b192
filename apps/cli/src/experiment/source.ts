/** The source of an experiment's cases: phantoms that the design describes, or a data set. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { FLARE22_LABEL_NAMES, FLARE22_ORGANS, type Organ, organsOf } from '@organseg/core/organs.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { testReferences } from '../pipeline/tasks.ts';
import type { Design } from './design.ts';

export interface Source {
  /** The names of the labels, background first. */
  readonly labelNames: readonly string[];
  readonly channelNames: readonly string[];
  readonly organs: readonly Organ[];
  /** Folder of the data set; without one each cohort has phantoms of its own. */
  readonly data?: string;
  /** Numbers of labelled cases, with a cohort for each. */
  readonly labelled: readonly number[];
  readonly unlabelled: number;
  readonly test: number;
}

/** The source that a design asks for. Throws InputError where the design and the data do not fit each other. */
export async function openSource(design: Design, data: string | undefined, path: string): Promise<Source> {
  if (design.phantom) {
    if (data !== undefined)
      throw new InputError(`${path}: describes phantoms; --data is for designs without`);
    return {
      ...design.phantom,
      labelNames: FLARE22_LABEL_NAMES,
      channelNames: ['CT'],
      organs: FLARE22_ORGANS,
    };
  }
  if (data === undefined) throw new InputError(`${path}: describes no phantoms; --data names a data set`);
  const dataset = await openDataset(data);
  const { labelled, unlabelled } = dataset;
  const test = testReferences(dataset);
  if (!labelled.length) throw new InputError(`${data}: imagesTr holds no CASE_0000.nii.gz`);
  if (design.arms.some((arm) => arm.unlabelled !== 'none') && !unlabelled.length)
    throw new InputError(`${data}: imagesUn holds no CASE_0000.nii.gz`);
  const ceiling = design.arms.find((arm) => arm.unlabelled === 'truth');
  const unknown = unlabelled.find(({ name }) => !existsSync(join(data, 'labelsUn', `${name}.nii.gz`)));
  if (ceiling && unknown) {
    const missing = join(data, 'labelsUn', `${unknown.name}.nii.gz`);
    throw new InputError(`${missing}: missing, “${ceiling.name}” of ${path} learns from it`);
  }
  return {
    labelNames: dataset.labelNames,
    channelNames: dataset.channelNames,
    organs: organsOf(dataset.labelNames),
    data: resolve(data),
    labelled: [labelled.length],
    unlabelled: unlabelled.length,
    test: test.length,
  };
}
