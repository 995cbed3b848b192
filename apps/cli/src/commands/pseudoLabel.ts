import { existsSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { images } from '@organseg/train/dataset.ts';
import { keepingRule, type PseudoLabelManifest } from '@organseg/train/manifest.ts';
import { Predictor } from '@organseg/train/predictor.ts';
import { pseudoLabel as labelCases } from '@organseg/train/pseudoLabel.ts';
import { type CommonOptions, command, print } from '../command.ts';
import { progress } from '../progress.ts';
import { memoryCap, wholeNumber, withGpu } from '../session.ts';

interface Options extends CommonOptions {
  model: string;
  images: string;
  out: string;
  minVoxels?: number;
  memoryCap?: number;
}

export const pseudoLabel = command('pseudo-label', 'Label unlabelled scans and choose which to learn from')
  .requiredOption('--model <run>', 'folder of the run that labels')
  .requiredOption('--images <dir>', 'scans named CASE_0000.nii.gz')
  .requiredOption('--out <dir>', 'folder for CASE.nii.gz and manifest.json; goes on where it was')
  .option(
    '--min-voxels <n>',
    'every organ must have as many, on the network’s grid (default: the run’s)',
    wholeNumber,
  )
  .option('--memory-cap <MiB>', 'of GPU memory; where it does not suffice, 2 mm are tried', memoryCap)
  .action(async (options: Options) => {
    const cases = await images(options.images);
    if (!existsSync(options.images)) throw new InputError(`${options.images}: no such directory`);
    if (!cases.length) throw new InputError(`${options.images}: holds no CASE_0000.nii.gz`);
    await withGpu(options.memoryCap ? { memoryCapBytes: options.memoryCap } : {}, async (gpu, signal) => {
      const predictor = await Predictor.open(gpu, options.model, {
        signal,
        memoryCapBytes: options.memoryCap,
      });
      const { model, out } = options;
      const minVoxels = options.minVoxels ?? predictor.run.config.minVoxels;
      const manifest = await labelWithProgress(predictor, cases, { model, out, minVoxels, signal });
      predictor.close();
      print(options, { out, ...manifest }, summary(manifest));
    });
  });

/** Labels cases with progress on stderr. */
export async function labelWithProgress(
  predictor: Predictor,
  cases: Parameters<typeof labelCases>[1],
  options: Parameters<typeof labelCases>[2],
): Promise<PseudoLabelManifest> {
  const bar = progress('labelling', cases.length, 'cases');
  const onCase = (done: number, _: number, { case: name, kept }: { case: string; kept: boolean }) =>
    bar.update(done, `${name} ${kept ? 'kept' : 'left out'}`);
  const onWindow = (done: number) => bar.update(done);
  const manifest = await labelCases(predictor, cases, { ...options, onCase, onWindow });
  bar.finish();
  return manifest;
}

export function summary({ cases, minVoxels }: PseudoLabelManifest): string {
  const kept = cases.filter((labelled) => labelled.kept).length;
  return `${kept} of ${cases.length} cases kept: ${keepingRule(minVoxels)}`;
}
