/** The log of a run: `training.jsonl`, a JSON object a line, and its chart, `progress.svg`. */
import { join } from 'node:path';
import { append, writeWhole } from '@organseg/files/write.ts';
import { LOG, readRecords, type TrainingRecord } from './trainingRecords.ts';

const CHART = 'progress.svg';

export class TrainingLog {
  readonly records: TrainingRecord[];
  readonly #folder: string;
  readonly #labelNames: readonly string[];

  private constructor(folder: string, labelNames: readonly string[], records: TrainingRecord[]) {
    this.#folder = folder;
    this.#labelNames = labelNames;
    this.records = records;
  }

  /** The log behind the epochs that are trained and validated; records of later ones are dropped. */
  static async open(
    folder: string,
    labelNames: readonly string[],
    { epoch: trained, validated }: { epoch: number; validated: number },
  ): Promise<TrainingLog> {
    const records = (await readRecords(folder)).filter(
      ({ event, epoch }) => epoch <= (event === 'epoch' ? trained : validated),
    );
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await writeWhole(join(folder, LOG), lines.join(''));
    return new TrainingLog(folder, labelNames, records);
  }

  async add(record: TrainingRecord): Promise<void> {
    this.records.push(record);
    await append(join(this.#folder, LOG), `${JSON.stringify(record)}\n`);
  }

  /** Draws the chart. */
  async draw(): Promise<void> {
    // Loading the chart library takes long, and few commands draw.
    const { progressSvg } = await import('./chart.ts');
    await writeWhole(join(this.#folder, CHART), progressSvg(this.records, this.#labelNames));
  }
}
