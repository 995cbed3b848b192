/** Pseudo-labelling as a person follows it: progress on stderr, and the outcome in a line. */
import { plural } from '@organseg/core/words.ts';
import type { Segmenter } from '@organseg/train/predict/predictor.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import { pseudoLabel as labelCases } from '@organseg/train/pseudo/pseudoLabel.ts';
import { inWords } from '@organseg/train/pseudo/selection/select.ts';
import { say } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

/** Labels cases with progress on stderr. Throws as `pseudoLabel` of the training package does. */
export async function labelWithProgress(
  segmenter: Segmenter,
  cases: Parameters<typeof labelCases>[1],
  options: Parameters<typeof labelCases>[2],
): Promise<PseudoLabelManifest> {
  const bar = progress('labelling', cases.length, 'cases');
  const onCase = (done: number, _: number, { case: name }: { case: string }) => bar.update(done, name);
  const onWindow = (done: number) => bar.update(done);
  const manifest = await labelCases(segmenter, cases, { ...options, onCase, onWindow, onNote: say });
  bar.finish();
  return manifest;
}

/** One line on how many cases were kept, and by which selection. */
export function summary({ cases, selection }: PseudoLabelManifest): string {
  const kept = cases.filter((labelled) => labelled.kept).length;
  return `${kept} of ${plural(cases.length, 'case')} kept: ${inWords(selection)}`;
}
