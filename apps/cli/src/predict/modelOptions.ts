/** Options that choose among the weights of a model. */
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { modelKind } from '@organseg/train/imported/modelKind.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { openModelFiles } from '@organseg/train/imported/openModelFiles.ts';
import { InvalidArgumentError, Option } from 'commander';

const FOLDS = [
  '--folds <list>',
  'of an nnU-Net model, such as 0,1 or all (default: those that it holds)',
] as const;
const CHECKPOINT = [
  '--checkpoint <which>',
  'of each fold of an nnU-Net model: final or best (default: final)',
] as const;
const AGAIN = '; given again, of each such --model in turn';

/** The folds of an nnU-Net model. */
export const foldsOption = () => new Option(...FOLDS).argParser(foldsOf);

/** The checkpoint of each fold. */
export const checkpointOption = () => new Option(...CHECKPOINT).argParser(checkpointOf);

/** The folds and checkpoints of several models of nnU-Net: each option once for all of them, or once for each. */
export interface ChoicesOptions {
  readonly folds?: string[][];
  readonly checkpoint?: Checkpoint[];
}

export const foldsOfEachOption = () => new Option(FOLDS[0], FOLDS[1] + AGAIN).argParser(every(foldsOf));
export const checkpointOfEachOption = () =>
  new Option(CHECKPOINT[0], CHECKPOINT[1] + AGAIN).argParser(every(checkpointOf));

/**
 * The choice of each of these models: none of models that are not nnU-Net's, where one at least is. Throws InputError
 * where an option was given another number of times.
 */
export async function choicesOf(options: ChoicesOptions, paths: readonly string[]): Promise<NnunetChoice[]> {
  if (!options.folds && !options.checkpoint) return paths.map(() => ({}));
  const kinds = await Promise.all(
    paths.map(async (path) => (await modelKind(await openModelFiles(path))).kind),
  );
  const meant = kinds.includes('nnU-Net') ? kinds.map((kind) => kind === 'nnU-Net') : kinds.map(() => true);
  const choices = choicesOfEach(options, meant.filter(Boolean).length);
  return meant.map((isMeant) => (isMeant ? choices.shift()! : {}));
}

/** The choice of each of so many models of nnU-Net. Throws InputError as `choicesOf` does. */
export function choicesOfEach({ folds, checkpoint }: ChoicesOptions, models: number): NnunetChoice[] {
  const ofEach = <T>(option: string, given: readonly T[] = []): readonly (T | undefined)[] => {
    if (given.length > 1 && given.length !== models)
      throw new InputError(
        `--${option} is given ${given.length} times for ${plural(models, 'model')} of nnU-Net; expected once, or once for each`,
      );
    return given.length > 1 ? given : Array.from({ length: models }, () => given[0]);
  };
  const [its, which] = [ofEach('folds', folds), ofEach('checkpoint', checkpoint)];
  return Array.from({ length: models }, (_, i) => ({ folds: its[i], checkpoint: which[i] }));
}

/** The choice that a command line without these options' parsers holds. Throws InputError that names the option. */
export function choiceInText(texts: { readonly folds?: string; readonly checkpoint?: string }): NnunetChoice {
  const parsed = <T>(name: 'folds' | 'checkpoint', parse: (text: string) => T): T | undefined => {
    const text = texts[name];
    try {
      return text === undefined ? undefined : parse(text);
    } catch (error) {
      throw new InputError(`--${name} ${text}: ${(error as Error).message}`);
    }
  };
  return { folds: parsed('folds', foldsOf), checkpoint: parsed('checkpoint', checkpointOf) };
}

type Checkpoint = NonNullable<NnunetChoice['checkpoint']>;

function foldsOf(text: string): string[] {
  const folds = text.split(',');
  if (!folds.every((fold) => /^(\d{1,3}|all)$/.test(fold)) || new Set(folds).size < folds.length)
    throw new InvalidArgumentError('Expected numbers of folds, such as 0,1, or all.');
  return folds;
}

function checkpointOf(text: string): Checkpoint {
  if (text !== 'final' && text !== 'best') throw new InvalidArgumentError('Expected final or best.');
  return text;
}

/** The parser of an option that may be given more than once. */
const every =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] = []): T[] => [...before, parse(text)];
