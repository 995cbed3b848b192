/** Cases prepared by threads, each with a GPU device of its own; and which of them runs with some settings want. */
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import type { Dataset } from '@organseg/files/dataset.ts';
import { programBeside } from '@organseg/files/threads/programBeside.ts';
import { inThreads } from '@organseg/files/threads/threadJobs.ts';
import { knownChannels } from '@organseg/train/config/channels.ts';
import { mixesUnlabelled } from '@organseg/train/config/copyPaste.ts';
import { studentConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { PrepareJob, StoredCase } from '@organseg/train/data/caseStore.ts';
import { preparedFor } from '@organseg/train/data/prepareImage.ts';

/** What is doubtful about the scan. */
export type PrepareResult = readonly ScanDoubt[];

const WORKER = programBeside(import.meta.url, 'prepareWorker');

/**
 * What `train` and the students of `pipeline` want of a data set: its labelled cases as each of them sees scans, and the
 * unlabelled ones as those do that learn from them.
 */
export function jobsOf(dataset: Dataset, config: Config, folder: string): PrepareJob[] {
  const { labelled, unlabelled, channelNames, labelNames } = dataset;
  const students = unlabelled.length
    ? Array.from({ length: config.rounds }, (_, round) => studentConfig(config, round))
    : [];
  const learnsFromUnlabelled = mixesUnlabelled(config) || config.consistency;
  const jobsFor = (of: Config, sources: readonly StoredCase[]) =>
    sources.map((source) => ({
      source,
      folder,
      wanted: preparedFor(of, knownChannels(of, channelNames)),
      classes: labelNames.length,
    }));
  const jobs = [
    ...[config, ...students].flatMap((of) => jobsFor(of, labelled)),
    ...(learnsFromUnlabelled ? [config, ...students] : students).flatMap((of) => jobsFor(of, unlabelled)),
  ];
  return [...new Map(jobs.map((job) => [JSON.stringify(job), job])).values()];
}

/** Prepares what is not there yet. Throws InputError where a case is broken, and the signal's reason once it is aborted. */
export const prepareCases = (
  jobs: readonly PrepareJob[],
  onDone: (job: PrepareJob, doubts: PrepareResult) => void,
  signal?: AbortSignal,
): Promise<void> => inThreads(WORKER, jobs, onDone, signal);
