/** The truth about pseudo-labels, where a data set has it: labelsUn, which training never reads. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withoutIgnored } from '@organseg/core/metrics/ignored.ts';
import { diceByLabel } from '@organseg/core/metrics/overlap.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';

/**
 * The mean DSC over the organs of each case whose truth is there. `pseudo` is the folder of the labels, whose ignored
 * voxels count as background; voxels of the truth's ignore label do not count. Throws InputError where a label map and
 * its truth do not lie on one grid.
 */
export async function pseudoLabelTruth(
  data: string,
  pseudo: string,
  { cases }: PseudoLabelManifest,
  classes: number,
  ignoreLabel?: number,
): Promise<Map<string, number>> {
  const truth = new Map<string, number>();
  for (const { case: name, labelled } of cases) {
    const [reference, prediction] = [data, pseudo].map((folder, i) =>
      join(folder, i === 0 ? 'labelsUn' : '', `${name}.nii.gz`),
    );
    if (!labelled || !existsSync(reference)) continue;
    const [was, is] = [await readLabelsFile(reference), await readLabelsFile(prediction)];
    assertSameGrid(was, reference, is, prediction);
    const labels = is.data.map((label) => (label === IGNORED ? 0 : label));
    const judged = withoutIgnored({ reference: was.data, prediction: labels }, ignoreLabel);
    const organs = diceByLabel(judged.reference, judged.prediction, classes).slice(1);
    truth.set(name, organs.reduce((a, b) => a + b, 0) / organs.length);
  }
  return truth;
}
