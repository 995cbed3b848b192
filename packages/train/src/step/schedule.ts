import type { Config, Stage } from '../config/schema.ts';

/** lr · (1 − epoch/horizon)^power, and never less than the floor; epochs count from 0. */
export function learningRate(config: Config, stage: Stage, epoch: number): number {
  const { epochs, learningRate: initial } = config[stage];
  const left = Math.max(0, 1 - epoch / (config.decayHorizonEpochs ?? epochs));
  return initial * Math.max(left ** config.decayPower, config.learningRateFloor);
}

/** The teacher's weight in the loss: w·exp(−5·(1 − epoch/ramp)²), then w (Laine & Aila 2017). */
export function consistencyWeight({ consistency }: Config, epoch: number): number {
  if (!consistency) return 0;
  const { weight, rampEpochs } = consistency;
  const left = rampEpochs ? Math.max(0, 1 - epoch / rampEpochs) : 0;
  return weight * Math.exp(-5 * left * left);
}
