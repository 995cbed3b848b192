/** `organseg preprocess`: all cases of a data set prepared before they are trained on, on all cores. */
import { InputError } from '@organseg/core/inputError.ts';
import { plural } from '@organseg/core/words.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { assertChannels } from '@organseg/train/config/channels.ts';
import { scanNotes } from '@organseg/train/data/caseNotes.ts';
import type { StoredCase } from '@organseg/train/data/caseStore.ts';
import { openPrepared } from '@organseg/train/run/runFolder.ts';
import { jobsOf, type PrepareResult, prepareCases } from '../preprocess/prepareCases.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { progress } from '../terminal/progress.ts';
import { configOption, presetOption, type SettingsOptions, setOption, settings } from '../train/settings.ts';

interface Options extends CommonOptions, SettingsOptions {
  data: string;
  out: string;
}

export const preprocess = command(
  'preprocess',
  'Prepare the cases of a data set for train and pipeline, on all cores',
)
  .requiredOption('--data <dir>', 'data set in nnU-Net’s layout')
  .requiredOption('--out <dir>', 'folder for the prepared cases; goes on where it was')
  .addOption(presetOption())
  .addOption(configOption())
  .addOption(setOption())
  .action(async (options: Options) => {
    const { data, out } = options;
    const config = await settings(options);
    const dataset = await openDataset(data);
    assertChannels(config, dataset);
    const jobs = jobsOf(dataset, config, out);
    if (!jobs.length) throw new InputError(`${data}: neither imagesTr nor imagesUn holds a CASE_0000.nii.gz`);
    await openPrepared(out, data, '--out');
    for (const note of dataset.notes) say(note);
    const doubts = new Map<StoredCase, PrepareResult>();
    await interruptible(async (signal) => {
      const bar = progress('preparing', jobs.length, 'cases');
      let done = 0;
      const onDone: Parameters<typeof prepareCases>[1] = ({ source }, found) => {
        doubts.set(source, found);
        bar.update(++done);
      };
      await prepareCases(jobs, onDone, signal).finally(() => bar.finish());
      for (const note of scanNotes([...doubts.keys()], { doubts: (source) => doubts.get(source) ?? [] }))
        say(note);
      print(
        options,
        { prepared: out, cases: jobs.length },
        `${out}: ${plural(jobs.length, 'case')} prepared, for --prepared of train and pipeline`,
      );
    });
  });
