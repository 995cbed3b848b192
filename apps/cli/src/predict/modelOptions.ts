/** Options that choose among the weights of a model. */
import { InvalidArgumentError, Option } from 'commander';

/** The folds of an nnU-Net model. */
export const foldsOption = () =>
  new Option(
    '--folds <list>',
    'of an nnU-Net model, such as 0,1 or all (default: those that it holds)',
  ).argParser((text) => {
    const folds = text.split(',');
    if (!folds.every((fold) => /^(\d{1,3}|all)$/.test(fold)) || new Set(folds).size < folds.length)
      throw new InvalidArgumentError('Expected numbers of folds, such as 0,1, or all.');
    return folds;
  });

/** The checkpoint of each fold. */
export const checkpointOption = () =>
  new Option('--checkpoint <which>', 'of each fold of an nnU-Net model (default: final)').choices([
    'final',
    'best',
  ]);
