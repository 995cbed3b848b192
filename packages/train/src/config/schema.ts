/**
 * A run's settings: flat, in the field's words, and checked; an unknown key is an error.
 */

import { InputError } from '@organseg/core/inputError.ts';
import { patchDivisor } from '@organseg/core/network/unet.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { MAX_CLASSES } from '@organseg/files/dataset.ts';
import { check } from '@organseg/files/json.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { z } from 'zod';
import { selectionSchema } from '../pseudo/selection/select.ts';
import { augmentationSchema } from './augmentations.ts';

const size = z.int().positive();
/** D, H, W, as tensors are. */
const dhw: z.ZodType<Dhw> = z.tuple([size, size, size]);
/** x, y, z, as volumes are. */
const xyzMm: z.ZodType<Xyz> = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const probability = z.number().min(0).max(1);
const stage = z.strictObject({
  epochs: size,
  learningRate: z.number().positive(),
  augment: z.boolean(),
});

export const configSchema = z.strictObject({
  /** Output channels: background and organs. */
  classes: z.int().min(2).max(MAX_CLASSES),
  /** Of each stage of the network. */
  filters: z.array(size).min(2),
  /** D, H, W of each stage. */
  kernels: z.array(dhw),
  strides: z.array(dhw),
  /** x, y, z. */
  spacingMm: xyzMm,
  /** Mapped to 0 and 1. */
  intensityLowHu: z.number(),
  intensityHighHu: z.number(),
  /** What becomes of values outside: 0, or the nearer end. */
  intensityOutside: z.enum(['zero', 'clip']),
  /** D, H, W. */
  patch: dhw,
  patchesPerImage: size,
  /** Of a patch's centre being in an organ, where foregroundShare is null. */
  foregroundProbability: probability,
  batch: size,
  /** Of activations and their gradients in training; parameters are f32. auto: see `precisionOf`. */
  precision: z.enum(['auto', 'f32', 'f16']).default('f32'),
  /** null: each labelled and pseudo-labelled image once. */
  stepsPerEpoch: size.nullable(),
  /** Of the patches with labels, from pseudo-labelled cases; null: all cases alike. */
  pseudoShare: probability.nullable(),
  /** Of the patches with labels, centred on a random voxel of an organ, the others anywhere; null: chance. */
  foregroundShare: probability.nullable(),
  /** Outputs at lower resolutions, to learn by. */
  deepSupervision: z.boolean(),
  /** Mean teacher: patches of unlabelled cases in each batch, which learn from the weights' moving average. */
  consistency: z
    .strictObject({
      patches: size,
      /** Of the distance to the teacher in the loss, after the ramp. */
      weight: z.number().positive(),
      rampEpochs: z.int().nonnegative(),
      emaDecay: z.number().min(0).lt(1),
    })
    .nullable(),
  /** In this order; only where a stage augments. */
  augmentations: z
    .array(augmentationSchema)
    .refine(
      (list) => list.every(({ kind }, i) => kind !== 'spatial' || i === 0),
      'spatial comes first, once',
    ),
  /** SGD with Nesterov momentum. */
  optimizer: z.enum(['adam', 'sgd']),
  /** Adam's β₁; β₂ is 0.999. */
  momentum: z.number().min(0).lt(1),
  /** L2, of every parameter. */
  weightDecay: z.number().nonnegative(),
  /** Most that the norm of all gradients together may be; null: any. */
  gradientNorm: z.number().positive().nullable(),
  initial: stage,
  fineTuning: stage,
  /** lr · (1 − epoch/horizon)^power; null: the stage's epochs. */
  decayHorizonEpochs: size.nullable(),
  decayPower: z.number().positive(),
  /** Share of the learning rate that it does not fall below. */
  learningRateFloor: probability,
  /** Of the labelled cases, kept apart to choose the best checkpoint by; at least one where there are two. */
  validationShare: probability,
  /** At the end of the epoch in which so many steps are full; at the last epoch's in any case. */
  validateEverySteps: size,
  saveEverySteps: size,
  /** Which pseudo-labels are learnt from; see selection/. */
  selection: selectionSchema,
  /** Of the first teacher's cross-validation, whose models are averaged; null: one model. */
  folds: z.int().min(2).nullable(),
  /** Along which axes a teacher's patches are mirrored too, and the predictions averaged; students predict without. */
  teacherMirror: z.array(z.enum(['x', 'y', 'z'])),
  /** Of `pipeline`: a student is the next round's teacher. */
  rounds: size,
  /** Whether a student is fine-tuned from its teacher, or starts from random weights in the initial stage. */
  studentStart: z.enum(['teacher', 'scratch']),
  /** Whether its teacher labels unlabelled cases for it. */
  studentPseudoLabels: z.boolean(),
  /** The student's settings where they differ from the teacher's, such as filters, spacingMm and patch. */
  student: z.record(z.string(), z.unknown()),
  /** Share of a patch between windows of inference. */
  windowStep: z.number().positive().max(1),
  seed: z.int().nonnegative(),
});

export type Config = z.infer<typeof configSchema>;
export type Stage = 'initial' | 'fineTuning';

/** Checks settings from outside. Throws InputError that names the key. */
export function parseConfig(value: unknown, source: string): Config {
  const config = check(value, configSchema, source);
  const stages = config.filters.length;
  if (config.kernels.length !== stages || config.strides.length !== stages) {
    throw new InputError(
      `${source}: filters, kernels and strides expect one entry for each of ${stages} stages`,
    );
  }
  const divisor = patchDivisor(config);
  if (config.patch.some((n, i) => n % divisor[i])) {
    throw new InputError(
      `${source}: patch [${config.patch}] expects multiples of [${divisor}], the strides' product`,
    );
  }
  const { consistency, batch } = config;
  if (consistency && consistency.patches >= batch) {
    throw new InputError(`${source}: consistency.patches expects fewer than the batch of ${batch}`);
  }
  if (config.folds !== null && config.studentStart === 'teacher') {
    throw new InputError(`${source}: folds expects studentStart scratch: a student starts from one teacher`);
  }
  return config;
}
