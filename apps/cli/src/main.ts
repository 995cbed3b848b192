import { Command, CommanderError } from 'commander';
import { demo } from './commands/demo.ts';
import { doctor } from './commands/doctor.ts';
import { evaluate } from './commands/evaluate.ts';
import { info } from './commands/info.ts';
import { model } from './commands/model.ts';
import { parity } from './commands/parity.ts';
import { phantom } from './commands/phantom.ts';
import { pipeline } from './commands/pipeline.ts';
import { predict } from './commands/predict.ts';
import { pseudoLabel } from './commands/pseudoLabel.ts';
import { train } from './commands/train.ts';

/** Exit codes: 0 done, 1 failed (one line on stderr, the stack with --debug), 2 wrong usage, 130 interrupted. */
async function main(argv: string[]): Promise<number> {
  // pnpm runs scripts in the repository's folder; paths are meant from where the user stands.
  if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
  const program = new Command('organseg')
    .description('Semi-supervised 3D organ segmentation of CT on WebGPU')
    .helpOption('--help', 'show this help')
    .exitOverride();
  for (const sub of [
    demo,
    doctor,
    evaluate,
    info,
    model,
    parity,
    phantom,
    pipeline,
    predict,
    pseudoLabel,
    train,
  ])
    program.addCommand(sub.exitOverride());
  try {
    await program.parseAsync(argv, { from: 'user' });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    process.stderr.write(
      `organseg: ${argv.includes('--debug') ? stack : message.replaceAll(/\s*\n\s*/g, ' ')}\n`,
    );
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
