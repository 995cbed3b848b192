/** `pnpm bench [kernels|unet|layers|compare|predict|metrics|memory] [options]`: kernels unless another subject is named. Exits 2 on wrong usage. */
const SUBJECTS: Record<string, { run: () => Promise<unknown>; options: string }> = {
  kernels: {
    run: () => import('../packages/kernels/bench/kernels.ts'),
    options: '[--short] [--dtype f32|f16] [--json]',
  },
  unet: {
    run: () => import('../apps/cli/bench/unet.ts'),
    options:
      '[--preset NAME] [--set key=value]… [--model FOLDER] [--dtype f32|f16] [--tune off|cached|full] [--kernel direct|fma|matrix] [--short] [--json]',
  },
  layers: {
    run: () => import('../apps/cli/bench/layers.ts'),
    options:
      '[--preset NAME] [--set key=value]… [--model FOLDER] [--dtype f32|f16] [--tune off|cached|full] [--kernel direct|fma|matrix] [--short] [--json]',
  },
  compare: {
    run: () => import('../apps/cli/bench/peers/compare.ts'),
    options:
      '[--preset NAME] [--set key=value]… [--golden FILE] [--python PROGRAM] [--tune off|cached|full] [--short] [--json]',
  },
  predict: {
    run: () => import('../apps/cli/bench/predict.ts'),
    options:
      '[--slices 50,100,…] [--size X,Y] [--spacing X,Y,Z] [--preset NAME] [--set key=value]… [--model FOLDER] [--folds 0,1] [--checkpoint final|best] [--totalsegmentator] [--dtype f32|f16] [--memory-cap MiB] [--resample labels|logits] [--skip-early] [--peer] [--python PROGRAM] [--plan] [--svg FILE] [--json]',
  },
  metrics: { run: () => import('../packages/core/bench/metrics.ts'), options: '[--json]' },
  memory: { run: () => import('../packages/core/bench/largePair.ts'), options: '[--spread] [--json]' },
};

const named = process.argv[2] ?? '';
const subject = named.startsWith('-') || named === '' ? 'kernels' : named;
if (subject === named) process.argv.splice(2, 1);
if (process.argv.includes('--help')) {
  const lines = Object.entries(SUBJECTS).map(([name, { options }]) => `  pnpm bench ${name} ${options}\n`);
  process.stdout.write(
    `Measures the kernels, the network (also beside PyTorch), whole cases, or the scoring of label maps:\n${lines.join('')}`,
  );
} else if (Object.hasOwn(SUBJECTS, subject)) {
  try {
    await SUBJECTS[subject].run();
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException;
    // parseArgs explains itself in further sentences.
    if (code?.startsWith('ERR_PARSE_ARGS')) fail(message.split('. ')[0]);
    else if (name === 'InputError') fail(message, 1);
    else throw error;
  }
} else {
  fail(`${subject} is not one of ${Object.keys(SUBJECTS).join(', ')}`);
}

function fail(why: string, code = 2): void {
  process.stderr.write(`bench: ${why}\n`);
  process.exitCode = code;
}
