/** What a folder, or a zip of one, holds: a run of organseg, a model of nnU-Net v2, or a bundle of MONAI. */
import { InputError } from '@organseg/core/inputError.ts';
import { listed } from '@organseg/core/words.ts';
import { DESCRIPTION } from '../run/runDescription.ts';
import type { ModelFiles } from './modelFiles.ts';

export interface ModelKind {
  readonly kind: 'run' | 'nnU-Net' | 'MONAI bundle';
  readonly files: ModelFiles;
}

/** How deep below a path a model is looked for: a zip of nnU-Net's results holds these, data sets, and models. */
const MAX_DEPTH = 3;

/**
 * The model in a folder, or the only one in the folders below it, as those that nnU-Net exports lie below their data set.
 * Throws InputError that says what is missing, or which ones there are.
 */
export async function modelKind(files: ModelFiles): Promise<ModelKind> {
  const { path } = files;
  const found = await modelsIn(files, MAX_DEPTH);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new InputError(`${path}: ${await whatIsMissing(files)}`);
  const paths = listed(found.map((model) => model.files.path));
  throw new InputError(`${path}: holds several models, name one: ${paths}`);
}

async function modelsIn(files: ModelFiles, depth: number): Promise<ModelKind[]> {
  if (files.has(DESCRIPTION)) return [{ kind: 'run', files }];
  const names = await files.names().catch((): string[] => []); // of a file, none
  if (names.includes('plans.json') && names.includes('dataset.json') && names.some(isFold))
    return [{ kind: 'nnU-Net', files }];
  if (BUNDLE.some((name) => files.has(`configs/${name}`))) return [{ kind: 'MONAI bundle', files }];
  if (depth === 0) return [];
  const below: ModelKind[] = [];
  for (const name of names) below.push(...(await modelsIn(files.folder(name), depth - 1)));
  return below;
}

/** Files one of which a bundle of MONAI has. */
const BUNDLE = ['metadata.json', 'inference.json', 'train.json', 'inference.yaml'];

export const isFold = (name: string): boolean => /^fold_(\d+|all)$/.test(name);

async function whatIsMissing(files: ModelFiles): Promise<string> {
  const names = await files.names();
  const isNnunet = names.includes('plans.json') || names.some(isFold);
  const missing = [
    names.includes('plans.json') ? [] : ['plans.json'],
    names.includes('dataset.json') ? [] : ['dataset.json'],
    names.some(isFold) ? [] : ['fold_0 or fold_all'],
  ].flat();
  if (isNnunet) return `is a model of nnU-Net without ${missing.join(', ')}`;
  if (names.some((name) => /^checkpoint_\w+\.pth$/.test(name)))
    return 'is one fold of a model of nnU-Net; expected the folder above it, which holds plans.json';
  if (names.length && names.every((name) => /\.json$/i.test(name)))
    return 'holds no weights; a plan becomes a model by training: organseg train --data DIR --config PLAN --out RUN';
  const zip = names.find((name) => /\.zip$/i.test(name));
  if (zip !== undefined) return `holds no model; ${zip} in it is not looked into, give that one itself`;
  return 'holds no model: no config.json of a run, no plans.json of nnU-Net, no configs/inference.json of a MONAI bundle';
}
