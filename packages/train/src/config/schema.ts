/** A run's settings: flat, named in the field's words, and checked; an unknown key is an error. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { check } from '@organseg/files/parseJson.ts';
import { z } from 'zod';
import { selectionSchema } from '../pseudo/selection/select.ts';
import { augmentationSchema } from './augmentations.ts';
import { channelSchema } from './channels.ts';
import { checkCopyPaste, copyPasteSettings } from './copyPaste.ts';
import { leastProbability } from './leastProbability.ts';
import { assertNetwork, dhw, networkSettings, probability, size } from './networkSettings.ts';

/** Millimetres along x, y, z, the order of volumes. */
const xyzMm: z.ZodType<Xyz> = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
/** The settings that each phase of training has for itself. */
const phaseSettings = z.strictObject({
  epochs: size,
  learningRate: z.number().positive(),
  augment: z.boolean(),
});
const settingsSchema = z.strictObject({
  ...networkSettings,
  /** Voxel spacing of the network's grid. */
  spacingMm: xyzMm,
  /**
   * nnU-Net's normalisation of each of a scan's channels, which is then prepared as nnU-Net does; null: one channel of CT,
   * cropped to the body, its HU brought to 0 … 1.
   */
  channels: z.array(channelSchema).min(1).nullable().default(null),
  /** How label maps come to the network's grid: the nearest label, or nnU-Net's way, see `linearLabels`. */
  labelResampling: z.enum(['nearest', 'linear']).default('nearest'),
  /**
   * The regions that the network tells apart, one by each output channel: the labels that each holds, and its label in a
   * label map, later regions over earlier ones. null: it tells the labels themselves apart. The data set decides.
   */
  regions: z
    .array(z.strictObject({ labels: z.array(size).min(1), label: size }))
    .nullable()
    .default(null),
  /** HU that become 0, and those that become 1; they mean nothing where `channels` is set. */
  intensityLowHu: z.number(),
  intensityHighHu: z.number(),
  /** What values outside that range become: 0, or the nearer end. */
  intensityOutside: z.enum(['zero', 'clip']),
  /** Voxels of a patch. */
  patch: dhw,
  /** Patches that are cut of an image each time its turn comes. */
  patchesPerImage: size,
  /** Probability that a patch's centre is in an organ, where foregroundShare is null. */
  foregroundProbability: probability,
  /** Patches of a step. */
  batch: size,
  /** Type of activations and their gradients in training; parameters are f32. For auto see `precisionOf`. */
  precision: z.enum(['auto', 'f32', 'f16']).default('f32'),
  /** Steps of an epoch; null: as many as take each labelled and pseudo-labelled image once. */
  stepsPerEpoch: size.nullable(),
  /** Share of the patches with labels that come from pseudo-labelled cases; null: all cases come equally often. */
  pseudoShare: probability.nullable(),
  /** Share of the patches with labels that are centred on a voxel of an organ; null: foregroundProbability decides. */
  foregroundShare: probability.nullable(),
  /**
   * Decay d of the moving average of the weights, min(1 − 1/(steps + 1), d), which is then what is validated, saved,
   * predicted with and handed on; null: none.
   */
  weightAverage: z.number().min(0).lt(1).nullable().default(null),
  /** Mean teacher, the moving average of the weights: it labels patches of unlabelled cases; null: none. */
  consistency: z
    .strictObject({
      /** Patches of unlabelled cases in each batch. */
      patches: size,
      /** Weight in the loss of the distance to the teacher, after the ramp. */
      weight: z.number().positive(),
      rampEpochs: z.int().nonnegative(),
    })
    .nullable(),
  /** Mixing of labelled patches with patches of unlabelled scans, once `branchAt` is behind; null: none. */
  copyPaste: copyPasteSettings.nullable().default(null),
  /**
   * Share of the initial phase's epochs that learn from labelled cases alone before copy-paste begins. Behind them a
   * checkpoint is kept, from which other runs branch. null: copy-paste begins with the first step, none is kept.
   */
  branchAt: z.number().positive().lt(1).nullable().default(null),
  /** Augmentations in the order in which they are applied, where a phase augments. */
  augmentations: z
    .array(augmentationSchema)
    .refine(
      (list) => list.every(({ kind }, i) => kind !== 'spatial' || i === 0),
      'spatial comes first, once',
    ),
  /** Adam, or SGD with Nesterov momentum. */
  optimizer: z.enum(['adam', 'sgd']),
  /** SGD's momentum, or Adam's β₁; its β₂ is 0.999. */
  momentum: z.number().min(0).lt(1),
  /** L2 penalty of every parameter. */
  weightDecay: z.number().nonnegative(),
  /** Bound of the norm of all gradients together; null: none. */
  gradientNorm: z.number().positive().nullable(),
  initial: phaseSettings,
  fineTuning: phaseSettings,
  /** Horizon of the learning rate's decay, lr · (1 − epoch/horizon)^power; null: the phase's epochs. */
  decayHorizonEpochs: size.nullable(),
  decayPower: z.number().positive(),
  /** Lowest share of the learning rate that the decay reaches. */
  learningRateFloor: probability,
  /** Share of the labelled cases that is kept apart to choose the best checkpoint by; at least one of two cases. */
  validationShare: probability,
  /** The weights that a run is predicted with: those of the best validation, or the last ones. */
  checkpoint: z.enum(['best', 'final']).default('best'),
  /** Steps from one validation to the next, at an epoch's end; the last epoch ends with one in any case. */
  validateEverySteps: size,
  /** Steps from one checkpoint to the next, at an epoch's end. */
  saveEverySteps: size,
  /** Strategies that choose which pseudo-labels are learnt from; see pseudo/selection/. */
  selection: selectionSchema,
  /** Probability below which a teacher's label of a voxel is ignored in pseudo-labels that are written as files. */
  pseudoLeastProbability: leastProbability.default(0),
  /** Folds of the first teacher's cross-validation, whose models are averaged; null: one model, of all labelled cases. */
  folds: size.nullable(),
  /** Axes along which a teacher's windows are mirrored too, and the predictions averaged; students predict without. */
  teacherMirror: z.array(z.enum(['x', 'y', 'z'])),
  /** Rounds of `pipeline`: a student is the next round's teacher. */
  rounds: size,
  /**
   * Whether a student is fine-tuned from its teacher, starts from random weights in the initial phase, or branches from
   * the first teacher's initial phase where `branchAt` says.
   */
  studentStart: z.enum(['teacher', 'scratch', 'branch']),
  /** Whether its teacher labels unlabelled cases for it. */
  studentPseudoLabels: z.boolean(),
  /**
   * The student's settings where they differ from the teacher's, such as filters, spacingMm and patch; a list has those
   * of each round, the last ones for all further rounds.
   */
  student: z.union([z.record(z.string(), z.unknown()), z.array(z.record(z.string(), z.unknown())).min(1)]),
  /** Step from one window of inference to the next, as a share of the patch. */
  windowStep: z.number().positive().max(1),
  seed: z.int().nonnegative(),
});

export type Config = z.infer<typeof settingsSchema>;
/** Checked settings; those that earlier versions wrote are understood. */
export const configSchema = z.preprocess(ofEarlierVersions, settingsSchema);

/** Earlier versions had the average's decay among the mean teacher's settings. */
function ofEarlierVersions(value: unknown): unknown {
  const old = z.looseObject({ consistency: z.looseObject({ emaDecay: z.number() }) }).safeParse(value);
  if (!old.success) return value;
  const { emaDecay, ...consistency } = old.data.consistency;
  return { ...old.data, consistency, weightAverage: emaDecay };
}

/** The phase of training that a run goes through: from random weights, or from those of another run. */
export const trainingPhase = z.enum(['initial', 'fineTuning']);
export type TrainingPhase = z.infer<typeof trainingPhase>;

/** Settings from outside, checked. Throws InputError that names `source` and the key. */
export function parseConfig(value: unknown, source: string): Config {
  const config = check(value, configSchema, source);
  assertNetwork(config, source);
  const { consistency, batch } = config;
  const fail = (text: string) => {
    throw new InputError(`${source}: ${text}`);
  };
  if (consistency && consistency.patches >= batch)
    fail(`consistency.patches expects fewer than the batch of ${batch}`);
  if (config.weightAverage === null && consistency)
    fail('consistency expects a weightAverage: it is the teacher');
  if (config.studentStart === 'branch' && config.branchAt === null)
    fail('studentStart branch expects branchAt: where students branch');
  if (config.folds !== null && config.studentStart !== 'scratch')
    fail('folds expects studentStart scratch: a student starts from one teacher');
  checkCopyPaste(config, fail);
  return config;
}
