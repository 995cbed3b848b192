/** What the folder of a pipeline was made from, kept in its `pipeline.json`, and what may be made in it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { ADVICE, assertNothingLost, caseFoldersOf } from '@organseg/files/outputs.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { type Config, configSchema } from '@organseg/train/config/schema.ts';
import { origin } from '@organseg/train/predict/origin.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { isRun } from '@organseg/train/run/runFolder.ts';
import { assertUnchanged } from '@organseg/train/run/startRun.ts';
import { z } from 'zod';
import type { PlannedTeacher } from '../predict/segmenters.ts';
import { firstTeacher, pseudoLabelsOf, studentsOf } from './models.ts';

const FILE = 'pipeline.json';

/** `pipeline.json`: what the folder was made from, and the seconds that its tasks took, called stages there. */
const pipelineState = z.object({
  data: z.string(),
  preset: z.string(),
  config: configSchema,
  /** What labels in the first round, where it is a model from elsewhere, and what its labels become. */
  teacher: origin.nullable().default(null),
  stages: z.record(z.string(), z.number()),
});
export type PipelineState = z.infer<typeof pipelineState>;

export const saveState = (out: string, state: PipelineState): Promise<void> =>
  writeWhole(join(out, FILE), `${JSON.stringify(state, null, 2)}\n`);

export interface PipelineRequest {
  readonly data: string;
  readonly out: string;
  readonly preset: string;
  readonly config: Config;
  /** What labels in the first round, where that is a model from elsewhere. */
  readonly teacher?: PlannedTeacher | undefined;
  /** Folder of prepared cases; without one they lie in `out`. */
  readonly prepared?: string | undefined;
}

/**
 * The state of the folder, or of a new one, which is then written. Throws InputError, which names the difference, where
 * the folder was made from other data or settings, or holds what is not the pipeline's.
 */
export async function openState(request: PipelineRequest): Promise<PipelineState> {
  const { out, data, preset, config } = request;
  const teacher = (await request.teacher?.origin(NO_POSTPROCESSING)) ?? null;
  const asked = { data: resolve(data), preset, config, teacher };
  const isNew = !existsSync(join(out, FILE));
  const students = studentsOf(config);
  const runs = [...(teacher ? [] : [firstTeacher(config)]), ...students].flatMap(
    ({ folder, runs = [folder] }) => runs,
  );
  const labels = students.map((_, round) => pseudoLabelsOf(round));
  const files = [FILE, 'report.html', 'prepared', 'predictions', 'scores', ...runs, ...labels];
  const inputs = [...caseFoldersOf(data), ...(teacher?.models ?? [])];
  await assertNothingLost({ folder: out, files, own: isNew ? [] : files, inputs });
  if (isNew) {
    await saveState(out, { ...asked, stages: {} });
    return { ...asked, stages: {} };
  }
  const { stages, ...found } = await readJsonFile(join(out, FILE), pipelineState);
  const difference = firstDifference(found, asked);
  if (difference) throw new InputError(`${out}: was made with ${difference}; ${ADVICE}`);
  for (const run of runs) if (isRun(join(out, run))) await assertUnchanged(join(out, run));
  return { ...asked, stages };
}
