/** What a run's log holds: records of epochs and validations, a JSON object a line in `training.jsonl`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the time of steps went, as shares of it. */
export interface TimeShares {
  /** The GPU at forward, backward and Adam; by its own clock where it is no CPU. */
  readonly gpuBusy: number;
  /** The GPU idle because the next patches were not there yet. */
  readonly dataWait: number;
  /** The host uploading patches and submitting work, whether the GPU was at work meanwhile or not. */
  readonly hostEncode: number;
}

export type TrainingRecord =
  | {
      readonly event: 'epoch';
      /** From 1. */
      readonly epoch: number;
      /** Optimiser steps until its end. */
      readonly step: number;
      /** Means over the epoch's batches. */
      readonly loss: number;
      readonly dice: number;
      readonly crossEntropy: number;
      /** With a mean teacher: the mean squared difference of probabilities, which counts with this weight. */
      readonly consistency?: number;
      readonly consistencyWeight?: number;
      readonly learningRate: number;
      /** In f16: the loss scale behind the epoch, and the steps skipped until then. */
      readonly lossScale?: number;
      readonly skippedSteps?: number;
      readonly seconds: number;
      /** Of this epoch's steps since the run was started or resumed. */
      readonly time?: TimeShares;
    }
  | {
      readonly event: 'validation';
      readonly epoch: number;
      readonly step: number;
      /** Over the foreground labels and the validation cases. */
      readonly meanDsc: number;
      /** By label name. */
      readonly dsc: Readonly<Record<string, number>>;
      /** The highest mean so far. */
      readonly best: boolean;
      readonly seconds: number;
    };

export const LOG = 'training.jsonl';

/** A run's records; none where it has no log. A line cut short by a crash is left out. */
export async function readRecords(folder: string): Promise<TrainingRecord[]> {
  let text: string;
  try {
    text = await readFile(join(folder, LOG), 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as TrainingRecord];
    } catch {
      return [];
    }
  });
}
