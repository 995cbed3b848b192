/** The design of an experiment: cohorts of phantoms or a data set, seeds, and arms that learn from different things. */

import { dirname, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { check } from '@organseg/files/parseJson.ts';
import { mixesUnlabelled } from '@organseg/train/config/copyPaste.ts';
import { settingsOfModel } from '@organseg/train/config/modelSettings.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { branchDifference } from '@organseg/train/run/startingPoint.ts';
import { z } from 'zod';

const count = z.int().positive();
const settings = z.record(z.string(), z.unknown()).default({});

const arm = z.strictObject({
  name: z.string().min(1),
  /** Description in a sentence, for the page. */
  about: z.string().default(''),
  /**
   * Whether the arm fine-tunes the seed's teacher, goes on from where that kept a checkpoint for others (`branchAt`),
   * starts from random weights, or is the teacher itself, with nothing trained.
   */
  start: z.enum(['teacher', 'branch', 'scratch', 'same']),
  /**
   * What is learnt besides the labelled cases: nothing, or the unlabelled ones with the labels that the run gives them
   * itself (copy-paste, mean teacher), that a model has given them, or that are true.
   */
  unlabelled: z.enum(['none', 'own', 'pseudo-labels', 'truth']),
  /** Earlier arms whose averaged models label; the teacher's unless given. */
  labelledBy: z.array(z.string()).min(1).optional(),
  /** Another earlier arm, whose labels stability compares with. */
  comparedWith: z.string().optional(),
  /** An earlier arm whose settings this one takes, its own `set` over them; the teacher's unless given. */
  like: z.string().optional(),
  set: settings,
});
export type Arm = z.infer<typeof arm>;

const designFile = z.strictObject({
  title: z.string(),
  about: z.string(),
  /** Phantoms that the cohorts consist of; without them the cohort is a data set that the command names. */
  phantom: z
    .strictObject({
      seed: z.int().nonnegative(),
      spacingMm: z.number().positive(),
      labelledAtOneCentre: z.boolean(),
      /** Numbers of labelled cases, with a cohort for each. */
      labelled: z.array(count).min(1),
      unlabelled: count,
      test: count,
    })
    .optional(),
  preset: z.enum(Object.keys(PRESETS) as [PresetName, ...PresetName[]]),
  /** Settings over the preset, for the teacher and all arms. */
  set: settings,
  seeds: z.array(z.int().nonnegative()).min(1),
  /** The arm that the others are compared with. */
  baseline: z.string(),
  arms: z.array(arm).min(1),
});
export type Design = z.infer<typeof designFile>;

const object = z.record(z.string(), z.unknown());
const likeAnother = z.looseObject({ like: z.string(), phantom: object.optional() });

/**
 * The content of a design's file, over that of the design beside it that `like` names, where it names one; the keys of
 * `phantom` count one by one. Throws InputError that names the file and the key.
 */
async function contentOf(path: string): Promise<unknown> {
  const content = await readJsonFile(path, object);
  if (!('like' in content)) return content;
  const { like, phantom, ...own } = check(content, likeAnother, path);
  const base = await readJsonFile(resolve(dirname(path), like), designFile);
  return { ...base, ...own, ...(phantom && { phantom: { ...base.phantom, ...phantom } }) };
}

/**
 * A design from its file, checked. Where the teacher is a model from elsewhere, at `teacher`, arms that fine-tune it have
 * what it says of network, grid and intensities among their settings. Throws InputError that names the file and the
 * fault.
 */
export async function readDesign(path: string, teacher?: string, choice?: NnunetChoice): Promise<Design> {
  const design = await withTeacher(check(await contentOf(path), designFile, path), path, teacher, choice);
  const names = design.arms.map(({ name }) => name);
  const twice = names.find(
    (name, i) => slug(name) in Object.fromEntries(names.slice(0, i).map((n) => [slug(n), 1])),
  );
  if (twice !== undefined) throw new InputError(`${path}: two arms are called ${twice}`);
  if (!names.includes(design.baseline)) throw new InputError(`${path}: there is no arm ${design.baseline}`);
  for (const [i, { name, labelledBy = [], comparedWith, like }] of design.arms.entries()) {
    const others = [...labelledBy, comparedWith, like].filter((other) => other !== undefined);
    const unknown = others.find((other) => !names.slice(0, i).includes(other));
    if (unknown) throw new InputError(`${path}: ${name} needs an earlier arm ${unknown}`);
  }
  const [seed] = design.seeds;
  const labelledOnly = teacherConfig(design, seed!, path);
  if (labelledOnly.folds !== null) {
    throw new InputError(`${path}: folds expects to be set by an arm: the teacher is one model`);
  }
  const fewest = Math.min(...(design.phantom?.labelled ?? [])); // infinite where a data set will tell
  const mirrors = new Map<string, string>();
  for (const each of design.arms) {
    const config = armConfig(design, each, seed!, path);
    const fault = faultOf(each, config, labelledOnly);
    if (fault) throw new InputError(`${path}: ${each.name}: ${fault}`);
    if (config.folds !== null && config.folds > fewest) {
      throw new InputError(
        `${path}: ${each.name}: ${config.folds} folds of ${plural(fewest, 'labelled case')}`,
      );
    }
    mirrors.set(each.name, mirrorOf(each, config).join());
    const [first, ...others] = (each.labelledBy ?? []).map((name) => mirrors.get(name));
    if (others.some((other) => other !== first)) {
      throw new InputError(`${path}: ${each.name}: labelledBy expects arms with one teacherMirror`);
    }
  }
  return design;
}

/** The design with the settings that its arms take of a teacher from elsewhere; itself where there is none. */
async function withTeacher(
  design: Design,
  path: string,
  teacher: string | undefined,
  choice: NnunetChoice | undefined,
): Promise<Design> {
  if (teacher === undefined) return design;
  for (const { name, start, labelledBy = [] } of design.arms) {
    const isTeacher = labelledBy.map((other) => armOf(design, other)?.start === 'same');
    const fault =
      start === 'branch'
        ? 'start branch expects a teacher that is trained here'
        : isTeacher.includes(true) && isTeacher.includes(false)
          ? 'labelledBy expects arms that are trained here, or the teacher alone'
          : undefined;
    if (fault) throw new InputError(`${path}: ${name}: ${fault}; --teacher is ${teacher}`);
  }
  if (!design.arms.some(({ start }) => start === 'teacher')) return design;
  const model = await openModel(teacher, choice);
  const settings = settingsOfModel(model, teacherConfig(design, design.seeds[0]!, path));
  const arms = design.arms.map((each) =>
    each.start === 'teacher' ? { ...each, set: { ...settings, ...each.set } } : each,
  );
  return { ...design, arms };
}

/** What of an arm does not go with its settings or the teacher's; undefined where all does. */
function faultOf({ start, unlabelled, like, set }: Arm, config: Config, teacher: Config): string | undefined {
  if (start === 'same' && (unlabelled !== 'none' || like !== undefined || Object.keys(set).length))
    return 'start same expects unlabelled none, no like and no set: it is the teacher as it is';
  if (config.folds !== null && start !== 'scratch')
    return 'folds expects start scratch: the teacher knows every case';
  if (start === 'branch') {
    if (teacher.branchAt === null) return 'start branch expects branchAt: where the teacher is branched from';
    const difference = branchDifference(teacher, config);
    if (difference) return `start branch expects the teacher’s ${difference}`;
  }
  const labelsItself = mixesUnlabelled(config) || config.consistency !== null;
  if (unlabelled === 'own' && !labelsItself)
    return 'unlabelled own expects copyPaste with unlabelled scans, or consistency';
  if (unlabelled === 'none' && labelsItself)
    return 'unlabelled none expects neither consistency nor copyPaste with unlabelled scans';
  return undefined;
}

/** The settings of the run that labels and that arms start from. Throws InputError that names the design's `path`. */
export const teacherConfig = ({ preset, set }: Design, seed: number, path: string): Config =>
  resolveConfig(preset, { path: `${path}: set`, value: { ...set, seed } }, []);

/** The settings of an arm's runs. Throws InputError that names the design's `path`. */
export function armConfig(design: Design, { name, like, set }: Arm, seed: number, path: string): Config {
  const base =
    like === undefined
      ? teacherConfig(design, seed, path)
      : armConfig(design, armOf(design, like), seed, path);
  return resolveConfig(base, { path: `${path}: ${name}: set`, value: set }, []);
}

export const armOf = (design: Design, name: string): Arm => design.arms.find((arm) => arm.name === name)!;

/** The axes that an arm's models mirror: those that learnt from labelled cases alone do, students do not. */
export const mirrorOf = ({ unlabelled }: Arm, { teacherMirror }: Config): Config['teacherMirror'] =>
  unlabelled === 'none' ? teacherMirror : [];

/** A name as a folder's name: small letters, digits and hyphens. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
