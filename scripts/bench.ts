/** `pnpm bench [kernels|metrics|memory] [options]`: kernels unless another subject is named. Exits 2 on wrong usage. */
const SUBJECTS: Record<string, { path: string; options: string }> = {
  kernels: { path: '../packages/kernels/bench/kernels.ts', options: '[--short] [--dtype f32|f16] [--json]' },
  metrics: { path: '../packages/core/bench/metrics.ts', options: '[--json]' },
  memory: { path: '../packages/core/bench/largePair.ts', options: '[--spread] [--json]' },
};

const named = process.argv[2] ?? '';
const subject = named.startsWith('-') || named === '' ? 'kernels' : named;
if (subject === named) process.argv.splice(2, 1);
if (process.argv.includes('--help')) {
  const lines = Object.entries(SUBJECTS).map(([name, { options }]) => `  pnpm bench ${name} ${options}\n`);
  process.stdout.write(`Measures the kernels, or the scoring of label maps:\n${lines.join('')}`);
} else if (Object.hasOwn(SUBJECTS, subject)) {
  try {
    await import(SUBJECTS[subject].path);
  } catch (error) {
    // parseArgs explains itself in further sentences.
    if (!(error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) throw error;
    fail((error as Error).message.split('. ')[0]);
  }
} else {
  fail(`${subject} is not one of ${Object.keys(SUBJECTS).join(', ')}`);
}

function fail(why: string): void {
  process.stderr.write(`bench: ${why}\n`);
  process.exitCode = 2;
}
