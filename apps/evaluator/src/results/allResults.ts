/** All that a challenge's submissions got, to download: as JSON, and as CSV with a line for each case. */
import type { Efficiency } from '@organseg/core/metrics/efficiency.ts';
import type { Kysely } from 'kysely';
import type { Challenge } from '../store/challenges.ts';
import type { LogSource } from '../store/efficiencyLogs.ts';
import { listSubmissions } from '../store/submissions.ts';
import type { Tables } from '../store/tables.ts';
import { csvLine } from './csv.ts';
import { type SubmissionDetail, submissionView } from './submissionView.ts';

/** The submissions in full, newest first, one by one: together they may be too much for memory. */
async function* submissionsOf(db: Kysely<Tables>, challenge: Challenge): AsyncGenerator<SubmissionDetail> {
  for (const submission of await listSubmissions(db, challenge.id)) {
    yield await submissionView(db, challenge, submission);
  }
}

/** A JSON array in pieces. */
export async function* resultsJson(db: Kysely<Tables>, challenge: Challenge): AsyncGenerator<string> {
  let before = '[';
  for await (const view of submissionsOf(db, challenge)) {
    yield `${before}${JSON.stringify(view)}`;
    before = ',\n';
  }
  yield before === '[' ? '[]\n' : ']\n';
}

const SOURCES: readonly LogSource[] = ['measured', 'claimed'];

/** Figures of an efficiency log, areas in the official form. */
const FIGURES: Record<string, (figures: Efficiency) => number> = {
  stuck: ({ isStuck }) => Number(isStuck),
  time_s: ({ timeS }) => timeS,
  peak_gpu_mb: ({ peakGpuMemoryMb }) => peakGpuMemoryMb,
  gpu_auc_mb_s: ({ gpuAucMbS }) => gpuAucMbS.official,
  gpu_auc_above_2gb_mb_s: ({ gpuAucAbove2GbMbS }) => gpuAucAbove2GbMbS.official,
  cpu_auc_percent_s: ({ cpuAucPercentS }) => cpuAucPercentS.official,
};

/** CSV in pieces: a header line, then a line for each case of each submission; what is not known is left empty. */
export async function* resultsCsv(db: Kysely<Tables>, challenge: Challenge): AsyncGenerator<string> {
  const { organs } = challenge;
  yield csvLine([
    ...['submission', 'team', 'submission_state', 'created_at', 'completed_at', 'case', 'state', 'error'],
    ...['dsc', 'nsd', ...organs.flatMap(({ name }) => [`${name}_dsc`, `${name}_nsd`])],
    ...SOURCES.flatMap((source) => Object.keys(FIGURES).map((figure) => `${source}_${figure}`)),
  ]);
  for await (const { cases, ...of } of submissionsOf(db, challenge)) {
    const common = [of.id, of.team, of.state, of.createdAt, of.completedAt ?? undefined];
    const lines = cases.map(({ name, state, error, scores, efficiency }) =>
      csvLine([
        ...common,
        ...[name, state, error ?? undefined, scores?.mean.dsc, scores?.mean.nsd],
        ...organs.flatMap((organ) => [scores?.organs[organ.name].dsc, scores?.organs[organ.name].nsd]),
        ...SOURCES.flatMap((source) => {
          const figures = efficiency[source];
          return Object.values(FIGURES).map((figure) => figures && figure(figures));
        }),
      ]),
    );
    yield lines.join('');
  }
}
