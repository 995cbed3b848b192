/** `organseg phantom`: a data set of abdominal CT phantoms. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { InvalidArgumentError } from 'commander';
import { type PhantomOptions, writePhantoms } from '../phantom/writePhantoms.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { wholeNumber } from '../terminal/optionValues.ts';

type Options = CommonOptions & PhantomOptions;

export const phantom = command('phantom', 'Write a data set of abdominal CT phantoms with their labels')
  .requiredOption('--out <dir>', 'the folder to write, empty or with phantoms of the same settings')
  .option('--labelled <n>', 'labelled cases for training', wholeNumber, 8)
  .option('--unlabelled <n>', 'unlabelled cases for training', wholeNumber, 16)
  .option('--test <n>', 'labelled cases for testing', wholeNumber, 4)
  .option('--seed <n>', 'the same seed gives the same bytes', wholeNumber, 1)
  .option('--spacing <mm>', 'mean voxel spacing, about which cases vary (default: 4)', spacingMm)
  .option('--shape <x,y,z>', 'voxels along each axis (default: what the field of view takes)', shape)
  .option('--labelled-at-one-centre', 'labelled cases: one contrast phase and no oral contrast medium')
  .option('--wide', 'labelled cases: drawn wider than nature, for models that meet real scans')
  .action(async (options: Options) => {
    if (options.wide && options.labelledAtOneCentre)
      throw new InputError('--wide and --labelled-at-one-centre: only one of them');
    await interruptible(async (signal) => {
      const { cases, summary } = await writePhantoms(options, signal);
      const { out, seed, labelled, unlabelled, test } = options;
      print(options, { out, seed, labelled, unlabelled, test, cases }, summary);
    });
  });

function spacingMm(text: string): number {
  const value = Number(text);
  if (!(value >= 0.4 && value <= 10)) throw new InvalidArgumentError('Expected 0.4 to 10 (mm).');
  return value;
}

function shape(text: string): Xyz {
  const [x, y, z, ...rest] = text.split(',').map(Number);
  const isFine = [x, y, z].every((n) => Number.isInteger(n) && n >= 16 && n <= 1024);
  if (!isFine || rest.length > 0) throw new InvalidArgumentError('Expected three whole numbers, 16 to 1024.');
  return [x, y, z];
}
