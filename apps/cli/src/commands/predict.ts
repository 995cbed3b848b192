import { Predictor } from '@organseg/train/predictor.ts';
import { type CommonOptions, command, dtypeOption, print } from '../command.ts';
import { predictScans, scansIn } from '../predictScans.ts';
import { memoryCap, positive, share, withGpu } from '../session.ts';

interface Options extends CommonOptions {
  model: string;
  input: string;
  out: string;
  spacing?: number;
  step?: number;
  dtype: 'f32' | 'f16';
  memoryCap?: number;
}

export const predict = command('predict', 'Segment scans with a trained run')
  .requiredOption('--model <run>', 'folder of the run')
  .requiredOption('--input <path>', 'a scan, or a folder of scans')
  .requiredOption('--out <dir>', 'folder for CASE.nii.gz and report.json')
  .option('--spacing <mm>', 'of the network’s grid, instead of the run’s', positive)
  .option('--step <share>', 'of a patch, between windows (default: the run’s, 0.5)', share)
  .addOption(dtypeOption())
  .option('--memory-cap <MiB>', 'of GPU memory; where it does not suffice, 2 mm are tried', memoryCap)
  .action(async (options: Options) => {
    const scans = await scansIn(options.input);
    await withGpu(options.memoryCap ? { memoryCapBytes: options.memoryCap } : {}, async (gpu, signal) => {
      const { spacing, step, dtype } = options;
      const predictor = await Predictor.open(gpu, options.model, {
        spacingMm: spacing === undefined ? undefined : [spacing, spacing, spacing],
        step,
        dtype,
        signal,
      });
      const { reports, failed } = await predictScans(predictor, scans, options.out, { signal });
      predictor.close();
      print(
        options,
        { out: options.out, cases: reports, failed },
        `${reports.length} label maps in ${options.out}`,
      );
      if (failed.length) process.exitCode = 1;
    });
  });
