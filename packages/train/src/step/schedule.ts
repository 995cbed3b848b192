/** The schedule of a training: the learning rate, the teacher's weight, and what is due behind an epoch. */
import type { Config, TrainingPhase } from '../config/schema.ts';

/** The learning rate of an epoch, counted from 0: lr · (1 − epoch/horizon)^power, and never less than the floor. */
export function learningRate(config: Config, phase: TrainingPhase, epoch: number): number {
  const { epochs, learningRate: initial } = config[phase];
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

/** The epoch of the initial phase behind which copy-paste begins and other runs branch; undefined where none do. */
export const branchEpoch = ({ branchAt, initial }: Config): number | undefined =>
  branchAt === null ? undefined : Math.max(1, Math.round(branchAt * initial.epochs));

/** The epoch with which copy-paste begins, counted from 0; infinite without any. */
export function firstMixedEpoch(config: Config, phase: TrainingPhase): number {
  if (!config.copyPaste) return Number.POSITIVE_INFINITY;
  return (phase === 'initial' && branchEpoch(config)) || 0;
}

/** Whether a multiple of so many steps is reached in the last of so many epochs. */
export const isReached = (steps: number, stepsPerEpoch: number, epochs: number): boolean =>
  Math.floor((epochs * stepsPerEpoch) / steps) > Math.floor(((epochs - 1) * stepsPerEpoch) / steps);
