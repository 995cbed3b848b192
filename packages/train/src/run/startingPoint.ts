/** The starting point of a training: the latest checkpoint of its run, the weights of another model, or random ones. */
import { initialise, type NamedArrays } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { parameterLayout } from '../config/network.ts';
import type { Moments } from '../step/optimizer.ts';
import { loadLatest, type RunState } from './checkpoint.ts';
import { initialWeights, openInitial } from './initialWeights.ts';
import type { RunDescription } from './runFolder.ts';

export interface StartingPoint {
  readonly parameters: NamedArrays;
  /** Moments of the optimiser, where the run goes on. */
  readonly moments?: Moments;
  readonly state: RunState;
}

/** Throws InputError where a checkpoint is broken or of another network. */
export async function startingPoint(
  folder: string,
  { config, init, labelNames }: RunDescription,
  resume: boolean,
): Promise<StartingPoint> {
  const layout = parameterLayout(config);
  if (resume) return await loadLatest(folder, layout.specs, config);
  const random = new Random(config.seed);
  const weights = random.fork('initialise');
  const parameters = init
    ? (await initialWeights(await openInitial(init), config, labelNames, weights)).parameters
    : initialise(layout, weights);
  const state: RunState = {
    epoch: 0,
    stepInEpoch: 0,
    step: 0,
    lossScale: null,
    lossSums: [],
    validated: 0,
    best: null,
    random: random.state,
  };
  return { parameters, state };
}
