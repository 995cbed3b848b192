/**
 * The probe of tiles: tries them on one convolution, in a process of its own, so that a driver that crashes on one ends
 * nothing else. Takes {problem, tiles, atOnce} as JSON on stdin, since arguments of Windows are too short for many
 * tiles, and compiles all tiles before it tries the first where `atOnce`; prints a line `tried {ms, error}` or
 * `tried {fault}` for each tile as soon as it is known.
 */
import { json } from 'node:stream/consumers';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import type { ConvProblem, Tile } from '@organseg/kernels/ops/conv/choice/problem.ts';
import { Trial } from '@organseg/kernels/ops/conv/choice/trial.ts';

const { problem, tiles, atOnce } = (await json(process.stdin)) as {
  problem: ConvProblem;
  tiles: Tile[];
  atOnce: boolean;
};
const gpu = await openGpu();
const trial = new Trial(gpu, problem);
if (atOnce) await trial.compile(tiles);
for (const tile of tiles) {
  let result: object;
  try {
    result = await trial.measure(tile);
  } catch (error) {
    result = { fault: (error as Error).message.split('\n')[0] };
  }
  process.stdout.write(`\ntried ${JSON.stringify(result)}\n`); // Dawn writes to stdout too
}
trial.close();
gpu.close();
