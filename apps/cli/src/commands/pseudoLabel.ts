import { existsSync } from 'node:fs';
import { InputError } from '@organseg/core/inputError.ts';
import { images } from '@organseg/files/dataset.ts';
import { parseJson } from '@organseg/files/json.ts';
import { Predictor } from '@organseg/train/predict/predictor.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import { pseudoLabel as labelCases } from '@organseg/train/pseudo/pseudoLabel.ts';
import { inWords, selectionSchema } from '@organseg/train/pseudo/selection/select.ts';
import { memoryCap, tuneOption, withGpu } from '../gpu/session.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';
import type { TuneMode } from '../tune/tiles.ts';

interface Options extends CommonOptions {
  model: string;
  images: string;
  out: string;
  selection?: string;
  compare: string[];
  memoryCap?: number;
  tune: TuneMode;
}

export const pseudoLabel = command('pseudo-label', 'Label unlabelled scans and choose which to learn from')
  .requiredOption('--model <run>', 'folder of the run that labels')
  .requiredOption('--images <dir>', 'scans named CASE_0000.nii.gz')
  .requiredOption('--out <dir>', 'folder for CASE.nii.gz and manifest.json; goes on where it was')
  .option('--selection <json>', 'how to choose among them, as the setting `selection` (default: the run’s)')
  .option(
    '--compare <dir...>',
    'other label maps of the cases, such as an earlier round’s, for stability',
    [],
  )
  .option('--memory-cap <MiB>', 'of GPU memory; where it does not suffice, 2 mm are tried', memoryCap)
  .addOption(tuneOption())
  .action(async (options: Options) => {
    const cases = await images(options.images);
    if (!existsSync(options.images)) throw new InputError(`${options.images}: no such directory`);
    if (!cases.length) throw new InputError(`${options.images}: holds no CASE_0000.nii.gz`);
    const { tune, memoryCap: memoryCapBytes } = options;
    await withGpu({ tune, ...(memoryCapBytes && { memoryCapBytes }) }, async (gpu, signal) => {
      const predictor = await Predictor.open(gpu, options.model, {
        signal,
        memoryCapBytes: options.memoryCap,
        confidence: true,
      });
      const { model, out, compare: compared } = options;
      const selection = options.selection
        ? parseJson(options.selection, selectionSchema, '--selection')
        : predictor.run.config.selection;
      const manifest = await labelWithProgress(predictor, cases, {
        models: [model],
        out,
        selection,
        compared,
        signal,
      });
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
  const onCase = (done: number, _: number, { case: name }: { case: string }) => bar.update(done, name);
  const onWindow = (done: number) => bar.update(done);
  const manifest = await labelCases(predictor, cases, { ...options, onCase, onWindow });
  bar.finish();
  return manifest;
}

export function summary({ cases, selection }: PseudoLabelManifest): string {
  const kept = cases.filter((labelled) => labelled.kept).length;
  return `${kept} of ${cases.length} cases kept: ${inWords(selection)}`;
}
