/** What changes from epoch to epoch: the learning rate, and the teacher's weight in the loss. */
import type { Config, Stage } from '../config/schema.ts';

/** The learning rate of an epoch, counted from 0: lr · (1 − epoch/horizon)^power, and never less than the floor. */
export function learningRate(config: Config, stage: Stage, epoch: number): number {
  const { epochs, learningRate: initial } = config[stage];
  const left = Math.max(0, 1 - epoch / (config.decayHorizonEpochs ?? epochs));
  return initial * Math.max(left ** config.decayPower, config.learningRateFloor);
}

/** The teacher's weight in the loss of an epoch: w·exp(−5·(1 − epoch/ramp)²), then w (Laine & Aila 2017). */
export function consistencyWeight({ consistency }: Config, epoch: number): number {
  if (!consistency) return 0;
  const { weight, rampEpochs } = consistency;
  const left = rampEpochs ? Math.max(0, 1 - epoch / rampEpochs) : 0;
  return weight * Math.exp(-5 * left * left);
}
