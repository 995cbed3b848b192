/** `organseg demo`: the main job on generated scans. */
import { join } from 'node:path';
import { writePhantoms } from '../phantom/writePhantoms.ts';
import { type CommonOptions, command, say } from '../terminal/command.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { pipeline } from './pipeline.ts';

const FOLDER = join('runs', 'demo');
/** Labelled scans of one hospital and one contrast phase, the others from everywhere: what most people have. */
const PHANTOMS = {
  out: join(FOLDER, 'data'),
  labelled: 6,
  unlabelled: 20,
  test: 8,
  seed: 1,
  spacing: 5,
  labelledAtOneCentre: true,
};
/** Without the bound on gradients, which is for real CT. */
const SETTINGS = ['--preset', 'small', '--set', 'gradientNorm=null'];
const PIPELINE = ['--data', PHANTOMS.out, '--out', join(FOLDER, 'results'), ...SETTINGS];

/** The commands that a newcomer would type, on generated scans; what is done already is not done again. */
export const demo = command('demo', `The main job on generated scans, in ${FOLDER}`).action(
  async ({ json }: CommonOptions) => {
    const { out, labelled, unlabelled, test, spacing } = PHANTOMS;
    const counts = `--labelled ${labelled} --unlabelled ${unlabelled} --test ${test}`;
    say(`\n$ pnpm cli phantom --out ${out} ${counts} --spacing ${spacing} --labelled-at-one-centre`);
    const done = await interruptible(async (signal) => say((await writePhantoms(PHANTOMS, signal)).summary));
    if (!done) return;
    say(`\n$ pnpm cli pipeline ${PIPELINE.join(' ')}`);
    await pipeline.exitOverride().parseAsync([...PIPELINE, ...(json ? ['--json'] : [])], { from: 'user' });
  },
);
