/** `organseg adapt`: a model learns from unlabelled scans of one's own, by copy-paste between phantoms and those scans. */
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { openImages } from '@organseg/files/dataset.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { assertNothingLost } from '@organseg/files/outputs.ts';
import { statOf } from '@organseg/files/read.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { isRun } from '@organseg/train/run/runFolder.ts';
import { resumeRun, startRun } from '@organseg/train/run/startRun.ts';
import { Option } from 'commander';
import { ADAPT_STEPS, adaptationSettings, assertSameAdaptation, layOut } from '../adapt/adaptation.ts';
import { adaptReport } from '../adapt/report.ts';
import { segmentAll } from '../adapt/segmentAll.ts';
import { tuneOption, withGpu } from '../gpu/withGpu.ts';
import { DEFAULT_MODEL, modelPath } from '../model/box.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { wholeNumber } from '../terminal/optionValues.ts';
import { trainingProgress } from '../train/trainingProgress.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions {
  model: string;
  images: string;
  out: string;
  steps: number;
  phantoms: number;
  tune: TuneMode;
}

const REPORT = 'report.html';

export const adapt = command('adapt', 'Adapt a model to unlabelled scans of one’s own')
  .addOption(
    new Option('--model <run>', 'the run to adapt, which knows FLARE22’s organs')
      .argParser(modelPath)
      .default(DEFAULT_MODEL, 'abdomen, the model in the box'),
  )
  .requiredOption('--images <dir>', 'scans named CASE_0000.nii.gz; three suffice to begin')
  .requiredOption('--out <dir>', 'folder for the run, label maps and report.html; goes on where it was')
  .option('--steps <n>', 'of training, in epochs of 25', wholeNumber, ADAPT_STEPS)
  .option('--phantoms <n>', 'that teach beside the scans', wholeNumber, 24)
  .addOption(tuneOption())
  .action(async (options: Options) => {
    const { model, images, out, steps, phantoms, tune } = options;
    for (const [name, value] of Object.entries({ steps, phantoms }))
      if (value < 1) throw new InputError(`--${name} ${value}: expects 1 or more`);
    await statOf(images);
    const { cases, notes } = await openImages(images, ['CT']);
    for (const note of notes) say(note);
    if (!cases.length) throw new InputError(`${images}: holds no CASE_0000.nii.gz`);
    const config = await adaptationSettings(model, steps);
    const [data, run, report] = [join(out, 'data'), join(out, 'run'), join(out, REPORT)];
    const lesson = { phantoms, scans: cases };
    if (isRun(run)) await assertSameAdaptation(run, { model, config, ...lesson });
    else await assertNothingLost({ folder: out, files: [REPORT], own: [], inputs: [images, model] });
    await whileLocked(out, async () => {
      await withGpu({ tune }, async (owner, signal) => {
        const mine = { images, scans: cases };
        const before = await segmentAll(owner, { ...mine, model, out: join(out, 'before') }, signal);
        await layOut(data, lesson, signal);
        const hooks = { ...trainingProgress('adapting'), signal };
        const { finished } = isRun(run)
          ? await resumeRun(owner.gpu, run, hooks)
          : await startRun(owner.gpu, { data, out: run, init: model, config }, hooks);
        hooks.finish();
        if (!finished) {
          print(options, { run, finished }, `${out}: stopped; the same command goes on`);
          return;
        }
        const after = await segmentAll(owner, { ...mine, model: run, out: join(out, 'after') }, signal);
        await writeWhole(report, await adaptReport({ model, images, before, after }));
        print(
          options,
          { run, report, cases: after.cases },
          `${run}: adapted to ${plural(after.cases.length, 'scan')}; before and after in ${report}`,
        );
      });
    });
  });
