/** The input of the report: what a pipeline has made, and what was known before. */
import type { Config } from '@organseg/train/config/schema.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import type { TrainingRecord } from '@organseg/train/run/trainingRecords.ts';
import type { html } from 'hono/html';
import type { Evaluation } from '../evaluate/evaluateCases.ts';

export interface ReportInput {
  /** Folder of the pipeline, for display. */
  readonly folder: string;
  readonly title: string;
  readonly preset: string;
  readonly config: Config;
  readonly adapter: string;
  readonly tasks: readonly { readonly name: string; readonly seconds: number }[];
  /** Names of the data set's labels, background first. */
  readonly labelNames: readonly string[];
  /**
   * The model of the labelled cases alone, or the teacher from elsewhere, then the student of each round, whose names
   * begin with "with".
   */
  readonly runs: readonly ReportRun[];
  /** The pseudo-labels that a student learnt from last; null where there were none. */
  readonly manifest: PseudoLabelManifest | null;
  /** Scores of the labelled cases, each by the fold that has not seen it; null without folds. */
  readonly outOfFold: Evaluation | null;
  /** The true mean DSC of pseudo-labelled cases, where it is known. */
  readonly truth: ReadonlyMap<string, number>;
}

export interface ReportRun {
  readonly name: string;
  readonly records: readonly TrainingRecord[];
  readonly evaluation: Evaluation;
  readonly cases: readonly ReportCase[];
}

/** A test case's NIfTI files. */
export interface ReportCase {
  readonly case: string;
  readonly image: string;
  readonly reference: string;
  readonly prediction: string;
  /** The label of the reference's voxels that are not scored; undefined where there is none. */
  readonly ignoreLabel?: number | undefined;
}

/** A piece of the page, escaped. */
export type Html = ReturnType<typeof html>;
