/** `config.json` of a run: the resolved settings and what the run was made from. */
import { fileRecord } from '@organseg/files/fileFacts.ts';
import { z } from 'zod';
import { configSchema, parseConfig, type TrainingPhase, trainingPhase } from '../config/schema.ts';
import { nnunetChoice } from '../imported/nnunet/choice.ts';

/** The name of the file. */
export const DESCRIPTION = 'config.json';

/** The file as it stands: the phase is called its stage there. */
export const runFile = z.object({
  stage: trainingPhase,
  /** The folder of the data set. */
  data: z.string(),
  /** The run or other model whose weights this one started from. */
  init: z.string().nullable(),
  /** Which weights of that model, where it is one of nnU-Net's: of its folds the first is gone on from. */
  initChoice: nnunetChoice.optional(),
  /** Whether it goes on from the checkpoint which that run kept on its way, moments and all. */
  branches: z.boolean().default(false),
  /** The SHA-256 of those weights' file; null without one, and in runs of versions that did not record it. */
  initWeights: z.string().nullable().default(null),
  /** The folder of the pseudo-labels that it learns from. */
  pseudo: z.string().nullable(),
  /** The fold of a cross-validation that it trains; null without one. */
  fold: z.object({ fold: z.int().nonnegative(), folds: z.int().positive() }).nullable(),
  /** The folder of the prepared cases, where it is not the run's own. */
  prepared: z.string().nullable().default(null),
  /** The names of the data set's labels, background first. */
  labelNames: z.array(z.string()).readonly(),
  /** The data set's ignore label; null without one, undefined in runs of versions that did not record it. */
  ignoreLabel: z.int().positive().nullable().optional(),
  /** The names of its channels, by number. */
  channelNames: z.array(z.string()).min(1).readonly().default(['CT']),
  trainingCases: z.array(z.string()),
  validationCases: z.array(z.string()),
  /**
   * The images and label maps by their paths from the data set's folder; null until they are prepared, and in runs of
   * versions that did not record them.
   */
  sources: z.record(z.string(), fileRecord).nullable().default(null),
  config: configSchema,
});
export type RunDescription = Omit<z.infer<typeof runFile>, 'stage'> & { readonly phase: TrainingPhase };

/** The text of the file of a run. */
export const runText = ({ phase, ...rest }: RunDescription): string =>
  `${JSON.stringify({ stage: phase, ...rest }, null, 2)}\n`;

/** What a run's file says, which was read from `path`. Throws InputError where its settings contradict each other. */
export function runOf({ stage, ...run }: z.infer<typeof runFile>, path: string): RunDescription {
  return { ...run, phase: stage, config: parseConfig(run.config, path) };
}
