/** Validation, which chooses the best checkpoint: DSC over whole volumes, on the network's grid. */
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import { diceByLabel } from '@organseg/core/metrics/overlap.ts';
import { ofRegion } from '@organseg/core/metrics/regions.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import type { DatasetCase } from '@organseg/files/dataset.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Config } from '../config/schema.ts';
import type { CaseStore } from '../data/caseStore.ts';
import { slidingWindow } from './slidingWindow.ts';

export interface ValidationScore {
  readonly meanDsc: number;
  /** Mean over the cases of each foreground label. */
  readonly dsc: readonly number[];
}

export interface ValidationHooks {
  readonly signal?: AbortSignal | undefined;
  /** Told how many cases are done, a part of one too. */
  readonly onCases?: ((done: number) => void) | undefined;
}

/** Segments the validation cases and scores them. Rejects with the signal's reason. */
export async function validate(
  gpu: Gpu,
  config: Config,
  memory: NetworkMemory,
  cases: readonly DatasetCase[],
  store: CaseStore,
  { signal, onCases }: ValidationHooks,
): Promise<ValidationScore> {
  const network = slidingWindow(gpu, config, memory, signal);
  try {
    const dsc = new Array<number>(config.classes - 1).fill(0);
    for (const [i, source] of cases.entries()) {
      const { size, image, labels } = store.load(source);
      const prediction = await network.labels({ size, data: image }, (share) => onCases?.(i + share));
      gpu.arena.trim(); // the next volume is of another size
      const judged = withoutIgnored({ reference: labels, prediction }, IGNORED);
      diceByOrgan(config, judged.reference, judged.prediction).forEach((score, i) => {
        dsc[i] += score / cases.length;
      });
    }
    return { meanDsc: dsc.reduce((a, b) => a + b, 0) / dsc.length, dsc };
  } finally {
    network.close();
  }
}

/** The DSC of each organ by its label, from 1: of its voxels, or of the region that is written with it. */
function diceByOrgan({ classes, regions }: Config, reference: Uint8Array, prediction: Uint8Array): number[] {
  if (!regions) return diceByLabel(reference, prediction, classes).slice(1);
  const dsc = new Array<number>(classes - 1).fill(0);
  for (const { labels, label } of regions) {
    const [, inside] = diceByLabel(ofRegion(reference, labels), ofRegion(prediction, labels), 2);
    dsc[label - 1] = inside!;
  }
  return dsc;
}
