/** What the page has open and shows. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import type { LabelledScan, ModelFacts, NamedFile, ShownScan } from '../protocol.ts';
import type { View } from './view.ts';

export interface OpenModel {
  readonly facts: ModelFacts;
  readonly files: readonly NamedFile[];
  /** Whether the browser keeps it, or the site has it. */
  readonly isKept: boolean;
}

/** Labels that are shown. */
export interface Result {
  readonly labels: Pick<LabelledScan, 'file' | 'figures'>;
  /** The model that they are of, which need not be open any more. */
  readonly model: ModelFacts;
  /** Whether they were corrected by hand. */
  readonly isCorrected: boolean;
  /** What it took to make them, in words. */
  readonly summary: string;
}

/** The scan that is open. Of its voxels, which the view holds while the worker does not, it has the size alone. */
export interface OpenScan {
  readonly files: readonly NamedFile[];
  readonly shown: Omit<ShownScan, 'nifti'>;
  /** Bytes of its voxels. */
  readonly bytes: number;
}

export const page: {
  /** Undefined where nothing can be drawn. */
  view: View | undefined;
  scan: OpenScan | undefined;
  model: OpenModel | undefined;
  result: Result | undefined;
  /** The scores of the result against a reference. */
  score: CaseScore | undefined;
  /** The labels that are switched off. */
  hidden: ReadonlySet<number>;
  /** The files of the model in the box by their paths from the page; none where there is none. */
  modelInBox: readonly string[];
} = {
  view: undefined,
  scan: undefined,
  model: undefined,
  result: undefined,
  score: undefined,
  hidden: new Set(),
  modelInBox: [],
};
