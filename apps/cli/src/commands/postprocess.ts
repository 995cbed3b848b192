/** `organseg postprocess`: the choice of what to do to a model's label maps after the network. */
import { existsSync, statSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { type DatasetCase, openDataset } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import {
  choicePath,
  type PostprocessingChoice,
  PostprocessingTrial,
  readChoice,
  saveChoice,
} from '@organseg/train/predict/postprocessing.ts';
import { predictFile } from '@organseg/train/predict/predictFile.ts';
import { Predictor } from '@organseg/train/predict/predictor.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { memoryCapOption, withGpu } from '../gpu/withGpu.ts';
import { openWithNotes } from '../model/openWithNotes.ts';
import { checkpointOption, foldsOption } from '../predict/modelOptions.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

interface Options extends CommonOptions, NnunetChoice {
  model: string;
  data?: string;
  memoryCap: number;
}

export const postprocess = command(
  'postprocess',
  'Choose what to do to a model’s label maps after the network',
)
  .requiredOption('--choose', 'try on labelled cases what helps each organ, and keep it with the model')
  .requiredOption('--model <path>', 'a run, an nnU-Net v2 folder or zip, or a MONAI bundle')
  .addOption(foldsOption())
  .addOption(checkpointOption())
  .option(
    '--data <dir>',
    'the data set (default: the run’s): validation cases of the run, all labelled ones for other models',
  )
  .addOption(memoryCapOption())
  .action(async (options: Options) => {
    const { model: path, data, memoryCap: memoryCapBytes } = options;
    const model = await openWithNotes(path, options);
    const { labelNames } = model;
    // What is there must be an earlier choice, or it is not replaced.
    if (existsSync(choicePath(path))) await readChoice(path, model);
    const cases = await casesFor(path, data, labelNames);
    const work = () =>
      withGpu({ memoryCapBytes }, async (owner, signal) => {
        const predictor = await Predictor.open(owner, model, { memoryCapBytes, signal });
        try {
          const trial = new PostprocessingTrial(labelNames);
          const bar = progress('validating', cases.length, 'cases');
          for (const [i, { name, image, labels, ignoreLabel }] of cases.entries()) {
            signal.throwIfAborted();
            const made = await predictFile(predictor, image, (share) => bar.update(i + share, name));
            if ('fault' in made) throw new InputError(made.fault);
            trial.add(name, made.labels, (await readLabelsFile(labels)).data, ignoreLabel);
            bar.update(i + 1, name);
          }
          bar.finish();
          const choice = await trial.choice(path, model.weights);
          await saveChoice(path, choice);
          print(options, choice, asText(choice, path));
        } finally {
          predictor.close();
        }
      });
    await (statSync(path, { throwIfNoEntry: false })?.isDirectory() ? whileLocked(path, work) : work());
  });

/** The cases that the choice is made by. Throws InputError where there are none, or their labels are not the model's. */
async function casesFor(
  path: string,
  data: string | undefined,
  modelLabels: readonly string[],
): Promise<readonly DatasetCase[]> {
  const run = isRun(path) ? await readRun(path) : undefined;
  const source = data ?? run?.data;
  if (source === undefined)
    throw new InputError(`${path}: is no run, which would know its data set; --data names one`);
  const { labelled, labelNames, folder } = await openDataset(source);
  if (!run && labelNames.slice(1).join() !== modelLabels.slice(1).join())
    throw new InputError(
      `${folder}: its labels are ${labelNames.slice(1).join(', ')}, those of ${path} ${modelLabels.slice(1).join(', ')}`,
    );
  const cases = run ? labelled.filter(({ name }) => run.validationCases.includes(name)) : labelled;
  if (!cases.length)
    throw new InputError(`${folder}: holds no ${run ? `validation case of ${path}` : 'labelled case'}`);
  return cases;
}

function asText({ cases, largestComponent, fillHoles, dsc }: PostprocessingChoice, model: string): string {
  const rows = Object.entries(dsc).map(([name, { before, after }]) => {
    const ways = [
      ...(largestComponent.includes(name) ? ['largest component'] : []),
      ...(fillHoles.includes(name) ? ['holes filled'] : []),
    ];
    return `${name.padEnd(24)}${before.toFixed(4)}  ${after.toFixed(4)}  ${ways.join(', ')}`.trimEnd();
  });
  return [
    `mean DSC over ${plural(cases.length, 'case')}, before and after`,
    ...rows,
    `kept in ${choicePath(model)}; predict --postprocess applies it`,
  ].join('\n');
}
