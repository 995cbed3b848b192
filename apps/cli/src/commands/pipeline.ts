/** `organseg pipeline`: the whole method on one data set. */
import { InputError } from '@organseg/core/inputError.ts';
import { meanScore } from '@organseg/core/metrics/score.ts';
import { organsOf } from '@organseg/core/organs.ts';
import { plural } from '@organseg/core/words.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import type { PresetName } from '@organseg/train/config/presets.ts';
import { splitsOf } from '@organseg/train/data/splits.ts';
import type { Evaluation } from '../evaluate/evaluateCases.ts';
import { tuneOption, withGpu } from '../gpu/withGpu.ts';
import { modelPath } from '../model/box.ts';
import { type PipelineResult, pipeline as runPipeline } from '../pipeline/pipeline.ts';
import { openState } from '../pipeline/state.ts';
import { testReferences } from '../pipeline/tasks.ts';
import { checkpointOption, foldsOption } from '../predict/modelOptions.ts';
import { labelMapOption, type TeacherOptions, teacherOf } from '../predict/teacherOptions.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { configOption, preparedOption, presetOption, setOption, startedSettings } from '../train/settings.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions, TeacherOptions {
  data: string;
  out: string;
  preset?: PresetName;
  config?: string;
  set?: string[];
  prepared?: string;
  tune: TuneMode;
}

export const pipeline = command(
  'pipeline',
  'Train, pseudo-label, train students, predict, evaluate and report',
)
  .requiredOption('--data <dir>', 'data set in nnU-Net’s layout, with imagesUn and labelsTs')
  .requiredOption(
    '--out <dir>',
    'folder of the runs, label maps, scores and report.html; goes on where it was',
  )
  .option(
    '--teacher <path>',
    'a model from elsewhere that labels in the first round; labels of one’s own are not needed',
    modelPath,
  )
  .addOption(labelMapOption())
  .addOption(foldsOption())
  .addOption(checkpointOption())
  .addOption(presetOption())
  .addOption(configOption())
  .addOption(setOption())
  .addOption(preparedOption())
  .addOption(tuneOption())
  .action(async (options: Options) => {
    const { data, out, prepared } = options;
    const { config, start } = await startedSettings(options);
    const dataset = await openDataset(data);
    if (options.teacher !== undefined && !dataset.unlabelled.length)
      throw new InputError(`${data}: imagesUn holds no CASE_0000.nii.gz, which the teacher could label`);
    const teacher = await teacherOf(options, dataset);
    const request = { data, out, preset: start, config, teacher, prepared };
    // Refused before there is a folder.
    testReferences(dataset, teacher === undefined);
    if (teacher === undefined && config.folds !== null) await splitsOf(dataset, config.folds);
    await whileLocked(out, async () => {
      const state = await openState(request);
      await withGpu({ tune: options.tune }, async (owner, signal) => {
        const result = await runPipeline(owner, request, state, signal);
        print(options, result, comparison(result));
      });
    });
  });

/** The table of all models and where the report lies. */
export function comparison(result: PipelineResult): string {
  const { labelNames, labelledOnly, students, report, manifest, teacher, run } = result;
  const evaluations = [labelledOnly, ...students.map(({ evaluation }) => evaluation)];
  const rows: [string, number[]][] = [
    ...organsOf(labelNames).map(({ name, longName }): [string, number[]] => [
      longName,
      evaluations.map((evaluation) => organMean(evaluation, name)),
    ]),
    ['mean', evaluations.map(({ mean }) => mean.dsc)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const heads = [teacher, ...students.map(({ name }) => name)];
  const cells = (texts: readonly string[]) =>
    texts.map((text, i) => text.padStart(heads[i]!.length + 2)).join('');
  const kept = manifest?.cases.filter((labelled) => labelled.kept).length;
  if (!labelledOnly.cases.length)
    return `no test cases to score; ${kept} of ${manifest?.cases.length} pseudo-labelled cases kept\nstudent: ${run}\nreport: ${report}`;
  const choice = manifest ? `; ${kept} of ${manifest.cases.length} pseudo-labelled cases kept` : '';
  return [
    `mean DSC of ${plural(labelledOnly.cases.length, 'test case')}${choice}`,
    '',
    `${'organ'.padEnd(width)}${cells(heads)}`,
    ...rows.map(([name, scores]) => `${name.padEnd(width)}${cells(scores.map((dsc) => dsc.toFixed(4)))}`),
    '',
    `report: ${report}`,
  ].join('\n');
}

const organMean = ({ cases }: Evaluation, organ: string) =>
  meanScore(cases.map(({ organs }) => organs[organ])).dsc;
