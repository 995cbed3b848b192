/** The cases of a run prepared: those whose images are not there yet by threads, where whoever starts the run has some. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { CaseStore, PrepareJob, StoredCase } from './caseStore.ts';

export interface PrepareHooks {
  /** Prepares cases side by side, and tells of each that is done. Throws InputError where one is broken. */
  readonly prepareCases?: (
    jobs: readonly PrepareJob[],
    onDone: () => void,
    signal?: AbortSignal,
  ) => Promise<void>;
  readonly onPrepare?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Fewer images are made sooner than several threads have opened a GPU each. */
const LEAST_IMAGES = 8;

/** The size of each case, once all are prepared. Throws InputError where one is broken, and the signal's reason. */
export async function prepareAll(
  cases: readonly StoredCase[],
  store: CaseStore,
  { prepareCases, onPrepare, signal }: PrepareHooks,
): Promise<ReadonlyMap<StoredCase, Dhw>> {
  let told = 0;
  const tell = (done: number) => {
    if (done > told) onPrepare?.(done, cases.length);
    told = Math.max(told, done);
  };
  if (prepareCases) {
    // Cases that share an image would make it at the same time.
    const lacking = new Map<string, StoredCase>();
    for (const source of cases)
      if (!lacking.has(source.image) && !(await store.hasImage(source))) lacking.set(source.image, source);
    const jobs = [...lacking.values()].map((source) => store.job(source));
    let done = cases.length - jobs.length;
    if (jobs.length >= LEAST_IMAGES) await prepareCases(jobs, () => tell(++done), signal);
  }
  const sizes = new Map<StoredCase, Dhw>();
  for (const source of cases) {
    signal?.throwIfAborted();
    sizes.set(source, await store.prepare(source));
    tell(sizes.size);
  }
  return sizes;
}
