/**
 * `pnpm evaluator:faults [--seed 1] [--rounds 50]`: kills the node entry with SIGKILL at random moments of uploads,
 * scoring and database writes, and checks after each restart that nothing accepted is lost or half-written.
 */
import { parseArgs } from 'node:util';
import { faultRounds } from '../test/faultRounds.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, rounds: { type: 'string', default: '50' } },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
const { rounds, acknowledged, during } = await faultRounds(Number(values.seed), Number(values.rounds), say);
say(
  `${rounds} kills (${during.upload} during uploads, ${during.scoring} during scoring, ${during.nothing} between)`,
);
say(`${acknowledged} submissions were accepted; all are scored right`);
