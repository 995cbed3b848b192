/** The presets: complete settings by name. `docs/presets.md` gives their sources. */
import type { Augmentation } from './augmentations.ts';
import type { CopyPaste } from './copyPaste.ts';
import type { Config } from './schema.ts';

const cube = (n: number) => [n, n, n] as const;

/** Gao 2022's augmentations of the intensities. */
const gaoIntensities: Augmentation[] = [
  { kind: 'smooth', probability: 0.1, sigmaVoxels: [0.5, 1.15] },
  { kind: 'noise', probability: 0.1, mean: [0, 0.5], std: [0, 1] },
  { kind: 'gamma', probability: 0.1, exponent: [0.5, 2.5], inverted: false, keepsStatistics: false },
  { kind: 'shift', probability: 0.1, offset: [0, 0.3] },
];

/**
 * nnU-Net's augmentation with the additions of its strongest variant ("insaneDA"). nnU-Net's unit of intensity is the
 * standard deviation of the organs' HU, some 100 HU; ours is the 600 HU from −300 to 300: its numbers divided by six.
 */
export const NNUNET_NOISE: Augmentation[] = [
  {
    kind: 'spatial',
    rotation: { probability: 0.2, degrees: [-30, 30] },
    scaling: { probability: 0.2, factor: [0.7, 1.4] },
    elastic: { probability: 0.2, pointsMm: 24, displacementMm: [0, 4] },
  },
  { kind: 'noise', probability: 0.1, mean: [0, 0], std: [0, 0.05] },
  { kind: 'smooth', probability: 0.1, sigmaVoxels: [0.5, 1] },
  { kind: 'scale', probability: 0.15, factor: [0.9, 1.1] },
  { kind: 'shift', probability: 0.15, offset: [-0.03, 0.03] },
  { kind: 'contrast', probability: 0.15, factor: [0.75, 1.25] },
  { kind: 'lowResolution', probability: 0.125, zoom: [0.5, 1] },
  { kind: 'gamma', probability: 0.1, exponent: [0.7, 1.5], inverted: true, keepsStatistics: true },
  { kind: 'gamma', probability: 0.3, exponent: [0.7, 1.5], inverted: false, keepsStatistics: true },
  { kind: 'mirror', x: 0.5, y: 0.5, z: 0.5 },
];

/** Copy-paste between labelled and unlabelled scans, these labelled anew after so many steps. */
export const copyPaste = (refresh: number): CopyPaste => ({
  partner: 'unlabelled',
  boxShare: 2 / 3,
  pseudoWeight: 0.47,
  labelledShare: 0,
  pseudoLabels: { refresh, leastProbability: 0 },
});

/** The settings of Gao 2022, "A Pseudo-labeling Approach to Semi-supervised Organ Segmentation", to the letter. */
const gao2022: Config = {
  architecture: 'DynUNet',
  classes: 14,
  filters: [32, 64, 128, 256, 320, 320],
  kernels: Array.from({ length: 6 }, () => cube(3)),
  strides: [1, 2, 2, 2, 2, 2].map(cube),
  residual: true,
  blocks: null,
  decoderBlocks: null,
  transposedBias: null,
  unet: null,
  spacingMm: cube(1),
  channels: null,
  labelResampling: 'nearest',
  regions: null,
  intensityLowHu: -300,
  intensityHighHu: 300,
  intensityOutside: 'zero',
  patch: cube(128),
  patchesPerImage: 2,
  foregroundProbability: 0.5,
  batch: 2,
  stepsPerEpoch: null,
  pseudoShare: null,
  foregroundShare: null,
  deepSupervision: false,
  weightAverage: null,
  consistency: null,
  copyPaste: null,
  branchAt: null,
  precision: 'auto',
  augmentations: [{ kind: 'mirror', x: 0.2, y: 0.2, z: 0 }, ...gaoIntensities],
  optimizer: 'adam',
  momentum: 0.9,
  weightDecay: 0,
  gradientNorm: null,
  initial: { epochs: 1600, learningRate: 1e-4, augment: true },
  fineTuning: { epochs: 40, learningRate: 5e-5, augment: false },
  decayHorizonEpochs: 500,
  decayPower: 0.9,
  learningRateFloor: 0.01,
  validationShare: 0.2,
  checkpoint: 'best',
  validateEverySteps: 2000,
  saveEverySteps: 1000,
  selection: [{ strategy: 'min-voxels', voxels: 2000 }],
  pseudoLeastProbability: 0,
  folds: null,
  teacherMirror: [],
  rounds: 1,
  studentStart: 'teacher',
  studentPseudoLabels: true,
  student: {},
  windowStep: 0.5,
  seed: 1,
};

/** The same method at a size that two CPU cores train in minutes. */
const small: Config = {
  ...gao2022,
  filters: [8, 16, 32, 64],
  // Thin kernels at the two finest stages cost a quarter less a step.
  kernels: [[1, 3, 3], [1, 3, 3], cube(3), cube(3)],
  strides: [1, 2, 2, 2].map(cube),
  spacingMm: cube(6),
  intensityOutside: 'clip',
  patch: [32, 32, 48],
  patchesPerImage: 1,
  batch: 1,
  augmentations: gaoIntensities,
  // Without this bound one seed in twelve got stuck at this learning rate on a real CT.
  gradientNorm: 1,
  initial: { epochs: 280, learningRate: 0.015, augment: true },
  fineTuning: { epochs: 6, learningRate: 3e-3, augment: false },
  decayHorizonEpochs: null,
  weightAverage: 0.99,
  // When all organs are found: what is not found then is not found any more.
  branchAt: 0.6,
  checkpoint: 'final',
  validationShare: 0.1,
  validateEverySteps: 350,
  saveEverySteps: 60,
  // Adrenal glands have 20 voxels at 6 mm and are found late or never: `min-voxels` would keep no case.
  selection: [{ strategy: 'keep-all' }],
  rounds: 2,
  // The paper's student, then one by copy-paste.
  student: [{}, { studentStart: 'branch', studentPseudoLabels: false, copyPaste: copyPaste(280) }],
};

/** Gao 2022's network and grid, trained as nnU-Net trains, with strong augmentation and averaged weights. */
const likeNnunet: Config = {
  ...gao2022,
  intensityOutside: 'clip',
  stepsPerEpoch: 250,
  foregroundShare: 0.33,
  deepSupervision: true,
  weightAverage: 0.999,
  augmentations: NNUNET_NOISE,
  optimizer: 'sgd',
  momentum: 0.99,
  weightDecay: 3e-5,
  gradientNorm: 12,
  initial: { epochs: 1000, learningRate: 0.01, augment: true },
  decayHorizonEpochs: null,
  learningRateFloor: 0,
  selection: [{ strategy: 'keep-all' }],
};

/**
 * The noisy nnU-Net student: nnU-Net's training with strong augmentation. The student has half the filters and the grid
 * of FLARE22's winner.
 */
const noisyStudent: Config = {
  ...likeNnunet,
  pseudoShare: 0.75,
  folds: 5,
  teacherMirror: ['x', 'y', 'z'],
  studentStart: 'scratch',
  student: {
    filters: [16, 32, 64, 128, 256, 256],
    kernels: [[1, 3, 3], ...Array.from({ length: 5 }, () => cube(3))],
    strides: [cube(1), [1, 2, 2], cube(2), cube(2), cube(2), [1, 2, 2]],
    spacingMm: [1.2, 1.2, 4],
    patch: [32, 160, 192],
    batch: 4,
    'initial.epochs': 200,
  },
};

/** A mean teacher on Gao 2022's network and grid; a step has as many unlabelled patches as labelled ones. */
const meanTeacher: Config = {
  ...gao2022,
  weightAverage: 0.99,
  studentPseudoLabels: false,
  fineTuning: { epochs: 200, learningRate: 5e-5, augment: true },
  student: {
    batch: 4,
    stepsPerEpoch: 250,
    consistency: { patches: 2, weight: 0.1, rampEpochs: 80 },
  },
};

/**
 * Copy-paste on Gao 2022's network and grid, trained as nnU-Net trains: half of the steps on labelled scans, half on
 * labelled and unlabelled ones mixed.
 */
const copyPastePreset: Config = {
  ...likeNnunet,
  copyPaste: copyPaste(62_500),
  branchAt: 0.5,
  checkpoint: 'final',
  studentStart: 'branch',
  studentPseudoLabels: false,
};

export const PRESETS = {
  gao2022,
  small,
  'noisy-student': noisyStudent,
  'mean-teacher': meanTeacher,
  'copy-paste': copyPastePreset,
};
export type PresetName = keyof typeof PRESETS;
