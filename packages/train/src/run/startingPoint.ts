/**
 * The starting point of a training: the latest checkpoint of its run, the one that another run kept on its way, the
 * weights of another model, or random ones.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { initialise, type NamedArrays } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { firstDifference } from '@organseg/files/differences.ts';
import { parameterLayout } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';
import type { Moments } from '../step/optimizer.ts';
import { branchEpoch } from '../step/schedule.ts';
import { BRANCH, LATEST, loadCheckpoint, type RunState } from './checkpoint.ts';
import { initialWeights } from './initialWeights.ts';
import { openInitial } from './openInitial.ts';
import type { RunDescription } from './runDescription.ts';
import { readRun } from './runFolder.ts';

export interface StartingPoint {
  readonly parameters: NamedArrays;
  /** Moments of the optimiser, where a run goes on. */
  readonly moments?: Moments;
  readonly state: RunState;
}

/** Throws InputError where a checkpoint is broken or of another network. */
export async function startingPoint(
  folder: string,
  { config, init, initChoice, branches, labelNames }: RunDescription,
  resume: boolean,
): Promise<StartingPoint> {
  const layout = parameterLayout(config);
  if (resume) return await loadCheckpoint(join(folder, LATEST), layout.specs, config);
  if (init && branches) {
    const { state, ...point } = await loadCheckpoint(join(init, BRANCH), layout.specs, config);
    // The best of its epochs is not this run's.
    return { ...point, state: { ...state, best: null, validated: state.epoch } };
  }
  const random = new Random(config.seed);
  const weights = random.fork('initialise');
  const parameters = init
    ? (await initialWeights(await openInitial(init, initChoice), config, labelNames, weights)).parameters
    : initialise(layout, weights);
  const state: RunState = {
    epoch: 0,
    stepInEpoch: 0,
    step: 0,
    lossScale: null,
    lossSums: [],
    validated: 0,
    best: null,
    labelled: null,
    random: random.state,
  };
  return { parameters, state };
}

/**
 * Throws InputError where a run of these settings and labels cannot branch from another: that one kept no checkpoint for
 * it, or has another network, optimiser or labels.
 */
export async function assertBranch(
  from: string,
  config: Config,
  labelNames: readonly string[],
): Promise<void> {
  const run = await readRun(from);
  if (!existsSync(join(from, BRANCH))) {
    const why = run.config.branchAt === null ? 'its branchAt is null' : 'it has not come that far';
    throw new InputError(`${from}: kept no ${BRANCH} to branch from: ${why}`);
  }
  if (labelNames.join() !== run.labelNames.join())
    throw new InputError(`${from}: has the labels ${run.labelNames}, not ${labelNames}`);
  const difference = branchDifference(run.config, config);
  if (difference) throw new InputError(`${from}: to branch from it, a run needs its ${difference}`);
}

/**
 * What differs of two runs' settings so that one cannot branch from the other; undefined where it can. It may average
 * its weights otherwise, or no longer, but not where the other run has no average to go on from.
 */
export function branchDifference(from: Config, config: Config): string | undefined {
  const parts = (of: Config) => ({
    network: networkConfig(of),
    optimizer: of.optimizer,
    spacingMm: of.spacingMm,
    channels: of.channels,
    regions: of.regions,
    branchesBehindEpoch: branchEpoch(of),
    ...(from.weightAverage === null && { weightAverage: of.weightAverage }),
  });
  return firstDifference(parts(from), parts(config));
}
