/**
 * The worker in which a page runs the kernels' own tests. It stands behind them in its bundle, runs a sample, and posts
 * what came of it.
 */

import { openGpu } from '@organseg/kernels/open/browser.ts';
import { reference } from '../../../packages/kernels/src/reference/array.ts';
import { Kit } from '../../../packages/kernels/test/harness.ts';
import { runTests } from './vitestInWorker.ts';

/**
 * The sample, for time's sake: every second case, with weights where GPUs read them, in f32 as the page computes. None of
 * the tiles that GPUs multiply with: a processor takes minutes and gigabytes to compile one.
 */
const outcome = await runTests((suite, names) =>
  suite.endsWith('weights in storage')
    ? names.filter((name) => !name.includes('f16')).filter((_, i) => i % 2 === 0)
    : [],
);

/** Whether a tensor that is off its twin by 3e-5 of its values would have been found. */
async function isFaultFound(): Promise<boolean> {
  const gpu = await openGpu();
  const kit = new Kit(() => gpu);
  const values = kit.peaky([1, 2, 3, 4, 5]);
  const off = reference(
    values.shape,
    values.data.map((x) => x * (1 + 3e-5)),
  );
  const found = await kit.expectClose(kit.upload(off), values).then(
    () => false,
    () => true,
  );
  gpu.close();
  return found;
}

postMessage({ ...outcome, isFaultFound: await isFaultFound() });
