/** `organseg postprocess`: the choice of what to do to a model's label maps after the network. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import {
  CHOICE,
  type PostprocessingChoice,
  PostprocessingTrial,
  readChoice,
  saveChoice,
} from '@organseg/train/predict/postprocessing.ts';
import { Predictor, predictFile } from '@organseg/train/predict/predictor.ts';
import { readRun } from '@organseg/train/run/runFolder.ts';
import { memoryCapOption, withGpu } from '../gpu/withGpu.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

interface Options extends CommonOptions {
  model: string;
  data?: string;
  memoryCap: number;
}

export const postprocess = command(
  'postprocess',
  'Choose what to do to a model’s label maps after the network',
)
  .requiredOption('--choose', 'try on the validation cases what helps each organ, and keep it with the model')
  .requiredOption('--model <run>', 'folder of the run')
  .option('--data <dir>', 'the data set (default: the run’s)')
  .addOption(memoryCapOption())
  .action(async (options: Options) => {
    const { memoryCap: memoryCapBytes } = options;
    const run = await readRun(options.model);
    const { labelNames } = run;
    // What is there must be an earlier choice, or it is not replaced.
    if (existsSync(join(options.model, CHOICE))) await readChoice(options.model, labelNames);
    const work = () =>
      withGpu({ memoryCapBytes }, async (owner, signal) => {
        const predictor = await Predictor.open(owner, await openModel(options.model), {
          memoryCapBytes,
          signal,
        });
        try {
          const { labelled, folder } = await openDataset(options.data ?? run.data);
          const cases = labelled.filter(({ name }) => run.validationCases.includes(name));
          if (!cases.length) throw new InputError(`${folder}: holds no validation case of ${options.model}`);
          const trial = new PostprocessingTrial(run.labelNames);
          const bar = progress('validating', cases.length, 'cases');
          for (const [i, { name, image, labels }] of cases.entries()) {
            signal.throwIfAborted();
            const made = await predictFile(predictor, image, (share) => bar.update(i + share, name));
            if ('fault' in made) throw new InputError(made.fault);
            trial.add(name, made.labels, (await readLabelsFile(labels)).data);
            bar.update(i + 1, name);
          }
          bar.finish();
          const choice = trial.choice();
          await saveChoice(options.model, choice);
          print(options, choice, asText(choice, options.model));
        } finally {
          predictor.close();
        }
      });
    await whileLocked(options.model, work);
  });

function asText({ cases, largestComponent, fillHoles, dsc }: PostprocessingChoice, run: string): string {
  const rows = Object.entries(dsc).map(([name, { before, after }]) => {
    const ways = [
      ...(largestComponent.includes(name) ? ['largest component'] : []),
      ...(fillHoles.includes(name) ? ['holes filled'] : []),
    ];
    return `${name.padEnd(24)}${before.toFixed(4)}  ${after.toFixed(4)}  ${ways.join(', ')}`.trimEnd();
  });
  return [
    `mean DSC over ${cases.length} validation ${cases.length === 1 ? 'case' : 'cases'}, before and after`,
    ...rows,
    `kept in ${join(run, 'postprocessing.json')}; predict --postprocess applies it`,
  ].join('\n');
}
