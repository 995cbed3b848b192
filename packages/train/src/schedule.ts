import type { Config, Stage } from './config.ts';

/** lr · (1 − epoch/horizon)^power, and never less than the floor; epochs count from 0. */
export function learningRate(config: Config, stage: Stage, epoch: number): number {
  const { epochs, learningRate: initial } = config[stage];
  const left = Math.max(0, 1 - epoch / (config.decayHorizonEpochs ?? epochs));
  return initial * Math.max(left ** config.decayPower, config.learningRateFloor);
}
