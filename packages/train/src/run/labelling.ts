/**
 * The labels that a run gives unlabelled scans by the average of its weights, on the network's grid, as prepared label
 * maps in `RUN/pseudo-labels/epoch-N/`.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { xyzOf } from '@organseg/core/inference/axes.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import { diceByLabel } from '@organseg/core/metrics/overlap.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import { encodeSafetensors } from '@organseg/core/network/safetensors.ts';
import { keepLargestComponent } from '@organseg/core/volume/components.ts';
import { namesIn } from '@organseg/files/read.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { IGNORED, stripPseudo } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { leastProbabilities } from '../config/leastProbability.ts';
import type { Config } from '../config/schema.ts';
import type { CaseStore, StoredCase } from '../data/caseStore.ts';
import { openPreparedCase, type PreparedPaths } from '../data/openPreparedCase.ts';
import { labelTensors } from '../data/preparedCase.ts';
import { PSEUDO_LABELS } from './runFolder.ts';
import { slidingWindow } from './slidingWindow.ts';

/** What labelling tells of itself. */
export interface LabellingHooks {
  readonly signal?: AbortSignal | undefined;
  /** Told how many cases are done, a part of one too. */
  readonly onCases?: ((done: number) => void) | undefined;
}

/** The folder of the labels that were made behind so many epochs. */
const folderOf = (run: string, epoch: number): string => join(run, PSEUDO_LABELS, `epoch-${epoch}`);

/** The files of a case with the labels that were made behind so many epochs. */
export const pseudoLabelled = (
  run: string,
  epoch: number,
  { name }: StoredCase,
  { image }: PreparedPaths,
): PreparedPaths => ({
  image,
  labels: join(folderOf(run, epoch), `${name}.safetensors`),
  isPseudo: true,
});

/**
 * Labels cases that are not labelled yet: by the largest class where its probability suffices, of each organ the
 * largest component; the rest is ignored. Rejects with the signal's reason; what was labelled until then stays.
 */
export async function labelScans(
  gpu: Gpu,
  config: Config,
  memory: NetworkMemory,
  {
    cases,
    store,
    run,
    epoch,
  }: { cases: readonly StoredCase[]; store: CaseStore; run: string; epoch: number },
  { signal, onCases }: LabellingHooks,
): Promise<void> {
  const { copyPaste, classes } = config;
  const least = leastProbabilities(copyPaste!.pseudoLabels.leastProbability, classes);
  const organs = Array.from({ length: classes - 1 }, (_, i) => i + 1);
  await makeFolder(folderOf(run, epoch));
  const network = slidingWindow(gpu, config, memory, signal);
  try {
    for (const [i, source] of cases.entries()) {
      signal?.throwIfAborted();
      const { labels: path } = pseudoLabelled(run, epoch, source, store.paths(source));
      if (!existsSync(path!)) {
        const { size, image } = store.load(source);
        const data = await network.pseudoLabels({ size, data: image }, least, (share) =>
          onCases?.(i + share),
        );
        gpu.arena.trim(); // the next volume is of another size
        stripPseudo(data);
        keepLargestComponent({ shape: xyzOf(size), data }, organs, IGNORED);
        await writeWhole(path!, encodeSafetensors({ metadata: {}, tensors: labelTensors(size, data) }));
      }
      onCases?.(i + 1);
    }
  } finally {
    network.close();
  }
}

/** Removes labels that were made behind other numbers of epochs. */
export async function forgetOtherLabels(run: string, epoch: number): Promise<void> {
  for (const name of await namesIn(join(run, PSEUDO_LABELS)))
    if (/^epoch-\d+$/.test(name) && name !== `epoch-${epoch}`)
      await rm(join(run, PSEUDO_LABELS, name), { recursive: true });
}

/** Throws InputError where labels that were made behind so many epochs are not there. */
export function assertLabels(run: string, epoch: number, cases: readonly StoredCase[]): void {
  for (const { name } of cases) {
    const path = join(folderOf(run, epoch), `${name}.safetensors`);
    if (!existsSync(path))
      throw new InputError(`${path}: is missing; the run learns from it: put it back, or train anew`);
  }
}

/** What the labels of scans are worth by the truth: the mean DSC over organs and cases. */
export function trueDsc(
  labelled: readonly PreparedPaths[],
  truth: readonly PreparedPaths[],
  classes: number,
): number {
  const scores = labelled.map((paths, i) => {
    const [labels, reference] = [paths, truth[i]!].map(wholeLabels) as [Uint8Array, Uint8Array];
    const prediction = labels.map((label) => (label === IGNORED ? 0 : label));
    const judged = withoutIgnored({ reference, prediction }, IGNORED);
    const [, ...organs] = diceByLabel(judged.reference, judged.prediction, classes);
    return organs.reduce((a, b) => a + b, 0) / organs.length;
  });
  return scores.reduce((a, b) => a + b, 0) / scores.length;
}

function wholeLabels(paths: PreparedPaths): Uint8Array {
  const prepared = openPreparedCase(paths);
  try {
    return prepared.labels([0, 0, 0], prepared.size);
  } finally {
    prepared.close();
  }
}
