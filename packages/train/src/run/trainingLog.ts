/**
 * A run's log: `training.jsonl`, a JSON object a line, and its picture, `progress.svg`.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '@organseg/files/write.ts';

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

const LOG = 'training.jsonl';
const CHART = 'progress.svg';

export class RunLog {
  readonly records: TrainingRecord[];
  readonly #folder: string;
  readonly #labelNames: readonly string[];

  private constructor(folder: string, labelNames: readonly string[], records: TrainingRecord[]) {
    this.#folder = folder;
    this.#labelNames = labelNames;
    this.records = records;
  }

  /** Continues a log behind the epochs that are trained and validated; what came later is dropped. */
  static async open(
    folder: string,
    labelNames: readonly string[],
    { epoch: trained, validated }: { epoch: number; validated: number },
  ): Promise<RunLog> {
    const records = (await readRecords(folder)).filter(
      ({ event, epoch }) => epoch <= (event === 'epoch' ? trained : validated),
    );
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await writeWhole(join(folder, LOG), lines.join(''));
    return new RunLog(folder, labelNames, records);
  }

  async add(record: TrainingRecord): Promise<void> {
    this.records.push(record);
    await appendFile(join(this.#folder, LOG), `${JSON.stringify(record)}\n`);
  }

  async draw(): Promise<void> {
    // Loading the chart library takes long, and few commands draw.
    const { progressSvg } = await import('./chart.ts');
    await writeWhole(join(this.#folder, CHART), progressSvg(this.records, this.#labelNames));
  }
}

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
