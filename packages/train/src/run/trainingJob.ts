/** What a training is given, and what it tells while it runs and at its end. */
import type { DatasetCase } from '@organseg/files/dataset.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { CaseStore, StoredCase } from '../data/caseStore.ts';
import type { RunState } from './checkpoint.ts';
import type { RunDescription } from './runDescription.ts';

export interface TrainingCases {
  readonly labelled: readonly DatasetCase[];
  /** Pseudo-labelled cases that were kept. */
  readonly pseudo: readonly DatasetCase[];
  /** Cases that the run labels itself; those that copy-paste begins with the pseudo-labels of have labels. */
  readonly unlabelled: readonly StoredCase[];
  /** Those of them whose true labels are known, with these: what the run's labels are worth is told by them. */
  readonly truth: readonly DatasetCase[];
  readonly validation: readonly DatasetCase[];
}

export interface TrainingHooks {
  /** Told of each step. */
  readonly onStep?: (progress: TrainingProgress) => void;
  /** Told how many cases a validation has done, a part of one too; 0 as it begins. */
  readonly onValidating?: (done: number, cases: number) => void;
  /** Told how many unlabelled scans are labelled, a part of one too; 0 as it begins. */
  readonly onLabelling?: (done: number, cases: number) => void;
  /** Told the outcome of each validation. */
  readonly onValidation?: (epoch: number, meanDsc: number, best: boolean) => void;
  /** Stops the training after the step at work, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** A step that is done. */
export interface TrainingProgress {
  /** Number of the step, from 1. */
  readonly step: number;
  /** Steps of the whole phase. */
  readonly steps: number;
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  readonly loss: number;
  /** Share of this epoch's time that the GPU was at its steps. */
  readonly gpuBusy: number;
}

export interface TrainingResult {
  /** Whether the last epoch is done. */
  readonly finished: boolean;
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done. */
  readonly step: number;
  readonly best: RunState['best'];
  /** Peak of GPU memory held while training and validating. */
  readonly peakGpuBytes: number;
}

/** A run that is to be trained, and what it is trained with. */
export interface Training {
  readonly gpu: Gpu;
  /** Folder of the run. */
  readonly folder: string;
  readonly run: RunDescription;
  readonly cases: TrainingCases;
  /** All these cases, prepared. */
  readonly store: CaseStore;
  readonly hooks: TrainingHooks;
}
