/** The log of a run: `training.jsonl`, a JSON object a line, and its chart, `progress.svg`. */
import { join } from 'node:path';
import { append, writeWhole } from '@organseg/files/write.ts';
import type { RunState } from './checkpoint.ts';
import { LOG, readRecords, type TrainingRecord } from './trainingRecords.ts';

const CHART = 'progress.svg';

/** Gives a run the log of the one that it branches from. */
export const copyLog = async (from: string, to: string): Promise<void> =>
  writeWhole(join(to, LOG), (await readRecords(from)).map(line).join(''));

const line = (record: TrainingRecord) => `${JSON.stringify(record)}\n`;

export class TrainingLog {
  readonly records: TrainingRecord[];
  readonly #folder: string;
  readonly #labelNames: readonly string[];

  private constructor(folder: string, labelNames: readonly string[], records: TrainingRecord[]) {
    this.#folder = folder;
    this.#labelNames = labelNames;
    this.records = records;
  }

  /** The log behind the epochs that are trained, validated and labelled at; records of later ones are dropped. */
  static async open(
    folder: string,
    labelNames: readonly string[],
    { epoch: trained, validated, labelled }: Pick<RunState, 'epoch' | 'validated' | 'labelled'>,
  ): Promise<TrainingLog> {
    const records = (await readRecords(folder)).filter(
      ({ event, epoch }) =>
        epoch <= { epoch: trained, validation: validated, labelling: labelled ?? 0 }[event],
    );
    await writeWhole(join(folder, LOG), records.map(line).join(''));
    return new TrainingLog(folder, labelNames, records);
  }

  async add(record: TrainingRecord): Promise<void> {
    this.records.push(record);
    await append(join(this.#folder, LOG), line(record));
  }

  /** Draws the chart. */
  async draw(): Promise<void> {
    // Loading the chart library takes long, and few commands draw.
    const { progressSvg } = await import('./chart.ts');
    await writeWhole(join(this.#folder, CHART), progressSvg(this.records, this.#labelNames));
  }
}
