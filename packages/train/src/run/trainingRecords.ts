/** The records of a run's log, of epochs, validations and labellings: a JSON object a line in `training.jsonl`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Shares of the time that steps took. */
export interface TimeShares {
  /** The GPU at steps; by its own clock where it is no CPU. */
  readonly gpuBusy: number;
  /** The GPU idle because the next patches were not there yet. */
  readonly dataWait: number;
  /** The host uploading patches and submitting work, whether the GPU was at work meanwhile or not. */
  readonly hostEncode: number;
}

export type TrainingRecord =
  | {
      readonly event: 'epoch';
      /** Number of the epoch, from 1. */
      readonly epoch: number;
      /** Steps until its end, since the run began. */
      readonly step: number;
      /** Mean of the loss over the epoch's steps, and below those of its parts. */
      readonly loss: number;
      readonly dice: number;
      readonly crossEntropy: number;
      /** With a mean teacher: the mean squared difference of probabilities. */
      readonly consistency?: number;
      /** The weight of that difference in the loss. */
      readonly consistencyWeight?: number;
      readonly learningRate: number;
      /** In f16: the loss scale behind the epoch. */
      readonly lossScale?: number;
      /** In f16: the steps that were skipped until then. */
      readonly skippedSteps?: number;
      readonly seconds: number;
      /** Where the time of this epoch's steps went, since the run was started or resumed. */
      readonly time?: TimeShares;
    }
  | {
      /** The labelling of unlabelled scans by the run itself. */
      readonly event: 'labelling';
      readonly epoch: number;
      readonly step: number;
      readonly cases: number;
      /** Mean DSC of the labels over organs and cases, where the true ones are known; what is ignored is background. */
      readonly trueDsc?: number;
      readonly seconds: number;
    }
  | {
      readonly event: 'validation';
      readonly epoch: number;
      readonly step: number;
      /** Mean over the foreground labels and the validation cases. */
      readonly meanDsc: number;
      /** Mean over the validation cases, by label name. */
      readonly dsc: Readonly<Record<string, number>>;
      /** Whether it is the highest mean so far. */
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
