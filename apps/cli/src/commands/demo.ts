import { join } from 'node:path';
import { command, say } from '../command.ts';
import { phantom } from './phantom.ts';
import { pipeline } from './pipeline.ts';

const FOLDER = join('runs', 'demo');

/** The commands that a newcomer would type, on generated scans; what is done already is not done again. */
const STEPS = [
  [phantom, ['--out', join(FOLDER, 'data'), '--labelled', '8', '--unlabelled', '12', '--test', '4']],
  [pipeline, ['--data', join(FOLDER, 'data'), '--out', join(FOLDER, 'results'), '--preset', 'small']],
] as const;

export const demo = command('demo', `The main job on generated scans, in ${FOLDER}`).action(async () => {
  for (const [step, options] of STEPS) {
    say(`\n$ pnpm cli ${step.name()} ${options.join(' ')}`);
    await step.exitOverride().parseAsync([...options], { from: 'user' });
  }
});
