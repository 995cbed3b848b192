/** The program of a thread that prepares cases with a GPU device of its own; see prepareCases.ts. */
import { doJobs } from '@organseg/files/threads/threadJobs.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { CaseStore, type PrepareJob } from '@organseg/train/data/caseStore.ts';
import type { PrepareResult } from './prepareCases.ts';

const gpu = await openGpu();
const prepare = async ({ source, folder, wanted, classes }: PrepareJob): Promise<PrepareResult> => {
  const store = new CaseStore(gpu, folder, wanted, classes);
  await store.prepare(source);
  return store.doubts(source);
};
doJobs(prepare, () => gpu.close());
