/**
 * The settings of copy-paste between labelled patches and patches of unlabelled scans (BCP, Bai et al., CVPR 2023), and
 * what follows from them.
 */
import { CODED_CLASSES } from '@organseg/kernels/codedLabels.ts';
import { z } from 'zod';
import { checkLeastProbability, leastProbability } from './leastProbability.ts';
import { probability, size } from './networkSettings.ts';

export const copyPasteSettings = z.strictObject({
  /** What labelled patches are mixed with: unlabelled scans or, as a control, other labelled ones. */
  partner: z.enum(['unlabelled', 'labelled']),
  /** Side of the box that is pasted, as a share of the patch's; 0: nothing is mixed, both kinds come in turn. */
  boxShare: probability,
  /** Weight in the loss of voxels with pseudo-labels, beside the 1 of those with labels. */
  pseudoWeight: z.number().positive().max(1),
  /** Share of the patches that are labelled ones alone. */
  labelledShare: probability,
  pseudoLabels: z.strictObject({
    /**
     * Steps from one labelling of all unlabelled scans to the next, at an epoch's end; `each`: patches are labelled in
     * each step; null: scans are labelled once.
     */
    refresh: z.union([size, z.literal('each')]).nullable(),
    leastProbability,
  }),
});
export type CopyPaste = z.infer<typeof copyPasteSettings>;

interface Settings {
  readonly classes: number;
  readonly copyPaste: CopyPaste | null;
  readonly consistency: unknown;
  readonly weightAverage: number | null;
}

/** Calls `fail` with what is at fault, where these settings do not fit together. */
export function checkCopyPaste(
  { copyPaste, consistency, weightAverage }: Pick<Settings, 'copyPaste' | 'consistency' | 'weightAverage'>,
  fail: (fault: string) => void,
): void {
  if (!copyPaste) return;
  if (weightAverage === null) fail('copyPaste expects a weightAverage: it labels the scans');
  if (consistency) fail('copyPaste expects consistency null: unlabelled scans serve one of the two');
}

/** Calls `fail` with what is at fault, where these settings do not fit a data set of so many classes. */
export function checkClasses(
  { copyPaste, classes }: Pick<Settings, 'copyPaste' | 'classes'>,
  fail: (fault: string) => void,
): void {
  if (!copyPaste) return;
  if (classes > CODED_CLASSES) fail(`copyPaste expects at most ${CODED_CLASSES} classes, not ${classes}`);
  const { leastProbability: least } = copyPaste.pseudoLabels;
  checkLeastProbability(least, classes, 'copyPaste.pseudoLabels.leastProbability', fail);
}

/** Whether unlabelled scans are mixed with labelled ones. */
export const mixesUnlabelled = ({ copyPaste }: Pick<Settings, 'copyPaste'>): boolean =>
  copyPaste?.partner === 'unlabelled';

/** Whether patches of unlabelled scans are labelled in each step. */
export const labelsPatches = ({ copyPaste }: Pick<Settings, 'copyPaste'>): boolean =>
  copyPaste?.partner === 'unlabelled' && copyPaste.pseudoLabels.refresh === 'each';
