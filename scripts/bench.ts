/** `pnpm bench [kernels|metrics|memory] [options]`: kernels unless another subject is named. */
const SUBJECTS: Record<string, string> = {
  kernels: '../packages/kernels/bench/kernels.ts',
  metrics: '../packages/core/bench/metrics.ts',
  memory: '../packages/core/bench/largePair.ts',
};

const named = process.argv[2] ?? '';
const subject = named.startsWith('-') || named === '' ? 'kernels' : named;
if (subject === named) process.argv.splice(2, 1);
const path = SUBJECTS[subject];
if (path) {
  await import(path);
} else {
  process.stderr.write(`bench: ${subject} is not one of ${Object.keys(SUBJECTS).join(', ')}\n`);
  process.exitCode = 2;
}
