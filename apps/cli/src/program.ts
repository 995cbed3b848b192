/** The program but for its process: finds the command that is asked for and tells its outcome by an exit code. */
import { asInputError } from '@organseg/files/errors.ts';
import { Command, CommanderError } from 'commander';

/** The commands by name. A command's file is loaded when it is asked for, or all of them to list them. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  demo: async () => (await import('./commands/demo.ts')).demo,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  phantom: async () => (await import('./commands/phantom.ts')).phantom,
  plan: async () => (await import('./commands/plan.ts')).plan,
  preprocess: async () => (await import('./commands/preprocess.ts')).preprocess,
  augment: async () => (await import('./commands/augment.ts')).augment,
  train: async () => (await import('./commands/train.ts')).train,
  adapt: async () => (await import('./commands/adapt.ts')).adapt,
  'pseudo-label': async () => (await import('./commands/pseudoLabel.ts')).pseudoLabel,
  predict: async () => (await import('./commands/predict.ts')).predict,
  postprocess: async () => (await import('./commands/postprocess.ts')).postprocess,
  calibrate: async () => (await import('./commands/calibrate.ts')).calibrate,
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluate,
  measure: async () => (await import('./commands/measure.ts')).measure,
  pipeline: async () => (await import('./commands/pipeline.ts')).pipeline,
  experiment: async () => (await import('./commands/experiment.ts')).experiment,
  info: async () => (await import('./commands/info.ts')).info,
  model: async () => (await import('./commands/model.ts')).model,
  parity: async () => (await import('./commands/parity.ts')).parity,
  kernel: async () => (await import('./commands/kernel.ts')).kernel,
  export: async () => (await import('./commands/export.ts')).exportCommand,
};

/** Runs a command. Exit codes: 0 done, 1 failed (one line on stderr, the stack with --debug), 2 wrong usage, 130 interrupted. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('organseg')
    .description('Semi-supervised 3D organ segmentation of CT on WebGPU')
    .helpOption('--help', 'show this help')
    // Options behind a command that runs another program are that program's.
    .enablePositionalOptions()
    .exitOverride();
  const name = argv[0] ?? '';
  const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  for (const load of asked ? [asked] : Object.values(COMMANDS))
    program.addCommand((await load()).exitOverride());
  try {
    await program.parseAsync(argv, { from: 'user' });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, stack, path } = (
      error instanceof Error ? error : new Error(String(error))
    ) as NodeJS.ErrnoException;
    const told = path === undefined ? message : (asInputError(error, path) as Error).message;
    const shown = argv.includes('--debug') ? stack : told.replaceAll(/\s*\n\s*/g, ' ');
    process.stderr.write(`organseg: ${shown}\n`);
    return 1;
  }
}
