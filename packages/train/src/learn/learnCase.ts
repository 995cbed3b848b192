/** A short training on a single case: the batches, the augmentations and the steps of a run, without its files. */
import type { NamedArrays } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Config, TrainingPhase } from '../config/schema.ts';
import { Batches } from '../data/batches.ts';
import { cutPatch, type PatchCutter } from '../data/patchSampler.ts';
import type { PreparedCase } from '../data/preparedCase.ts';
import { uploadBatch } from '../data/uploadBatch.ts';
import { learningRate } from '../step/schedule.ts';
import { TrainingStep } from '../step/trainingStep.ts';

const COUNTS = { labelled: 1, pseudo: 0, unlabelled: 0 };

export interface LearningHooks {
  readonly signal: AbortSignal;
  /** Told of each step that is done, counted from 1, of how many. */
  onStep(step: number, steps: number, loss: number): void;
}

/**
 * The parameters behind a phase of training, averaged as the settings say. Closes the case. Throws the signal's reason once it
 * is aborted, and where the loss is not finite.
 */
export async function learnCase(
  gpu: Gpu,
  config: Config,
  phase: TrainingPhase,
  parameters: NamedArrays,
  prepared: PreparedCase,
  { signal, onStep }: LearningHooks,
): Promise<NamedArrays> {
  const { epochs, augment } = config[phase];
  const cutter: PatchCutter = {
    sample: async (request) => cutPatch(prepared, request),
    close: async () => prepared.close(),
  };
  const paths = [{ image: '' }]; // the cutter knows its only case
  const random = new Random(config.seed);
  const batches = new Batches(config, phase, paths, COUNTS, random, cutter);
  const training = gpu.arena.attempt(() => new TrainingStep(gpu, config));
  try {
    training.start(parameters);
    await gpu.pipelines.ready(signal);
    const steps = epochs * batches.perEpoch;
    for (let step = 0; step < steps; step++) {
      const [epoch, inEpoch] = [Math.floor(step / batches.perEpoch), step % batches.perEpoch];
      uploadBatch(gpu, config, await batches.take(epoch, inEpoch), training, augment);
      const { losses } = await training.run(learningRate(config, phase, epoch));
      signal.throwIfAborted();
      if (!losses.every(Number.isFinite)) throw new Error(`the loss is ${losses[0]} in step ${step + 1}`);
      onStep(step + 1, steps, losses[0]!);
    }
    return await training.validatedValues();
  } finally {
    await batches.close();
    training.close();
    gpu.arena.trim();
  }
}
