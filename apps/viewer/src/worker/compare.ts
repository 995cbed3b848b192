/** Label maps of one scan, compared by the evaluator's code: with a reference, and two predictions with each other. */
import { InputError } from '@organseg/core/inputError.ts';
import { labelMap } from '@organseg/core/metrics/labelMap.ts';
import { countVoxels, dice, overlapByLabel } from '@organseg/core/metrics/overlap.ts';
import { scoreRegions } from '@organseg/core/metrics/regions.ts';
import { assertSameGrid, isSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { type CaseScore, RULE_SETS, type ScoredOrgan, scoreCase } from '@organseg/core/metrics/score.ts';
import { organsOf } from '@organseg/core/organs.ts';
import { determinant } from '@organseg/core/volume/affine.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import { assertScanSize } from '@organseg/core/volume/scanDoubts.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import type { Differences, ModelFacts, NamedFile, Prediction } from '../protocol.ts';
import { organsIn, readLabelMap } from './scanFiles.ts';
import { reading, type Watch } from './segmenter.ts';
import { niftiOf } from './shownVolumes.ts';

const BACKGROUND = 'background';

/** The scores of a prediction against a reference that was dropped. Throws InputError. */
export async function compareWithReference(
  { files, organs, regions }: Prediction,
  reference: readonly NamedFile[],
  watch: Watch,
): Promise<CaseScore> {
  const truth = await readLabelMap(reference, reading(watch, 'reading the reference'));
  const guess = await readLabelMap(files, () => {});
  assertScanSize(truth.header, truth.name); // tolerances in mm mean nothing otherwise
  assertSameGrid(truth, truth.name, guess, 'the scan');
  watch.tell({ stage: 'comparing', share: 0 });
  const scored = organsOf([BACKGROUND, ...(regions?.map(({ name }) => name) ?? organs ?? [])]);
  const score = (was: Uint8Array, is: Uint8Array, organs: readonly ScoredOrgan[]) =>
    scoreCase(
      labelMap(truth.shape, was, truth.name),
      labelMap(guess.shape, is, 'the segmentation'),
      statedSpacingMm(truth.header.space),
      organs,
      RULE_SETS.plain,
    );
  return regions
    ? scoreRegions({ reference: truth.data, prediction: guess.data }, regions, scored, score)
    : score(truth.data, guess.data, scored);
}

/**
 * What differs between two predictions, by the first one's labels; organs are the same where their names are. Throws
 * InputError where the grids differ, or no organ is in both.
 */
export async function comparePredictions(
  first: Prediction,
  second: Prediction,
  watch: Watch,
): Promise<Differences> {
  const one = await readLabelMap(first.files, () => {});
  const other = await readLabelMap(second.files, reading(watch, 'reading the second prediction'));
  watch.tell({ stage: 'comparing', share: 0 });
  assertOnScan(second.name, other, one);
  const { organs: names = [] } = first;
  const { toFirst, shared, note } = match(first, await withNames(second));
  toShared(one.data, [0, ...names.map((_, i) => (shared.has(i + 1) ? i + 1 : 0))], first, first);
  toShared(other.data, toFirst, second, first);
  const overlaps = overlapByLabel(
    labelMap(one.shape, one.data, first.name),
    labelMap(other.shape, other.data, second.name),
    names.length + 1,
  );
  const voxelMl = Math.abs(determinant(one.affine)) / 1000;
  const organs = [...shared].sort((a, b) => a - b);
  const nifti = niftiOf({ ...one, data: other.data });
  let voxels = 0;
  for (let i = 0; i < one.data.length; i++) voxels += one.data[i] = one.data[i] === other.data[i] ? 0 : 1;
  return {
    nifti,
    differences: niftiOf(one),
    voxels,
    volumeMl: voxels * voxelMl,
    organs: organs.map((label) => {
      const counts = countVoxels(overlaps[label]!);
      const dsc = counts.reference + counts.prediction > 0 ? dice(counts) : null;
      const ml = [counts.reference * voxelMl, counts.prediction * voxelMl] as const;
      return { name: names[label - 1]!, volumesMl: ml, dsc };
    }),
    note,
  };
}

/**
 * The voxels of a label map that was made elsewhere, by the labels of a model whose organs have the same names. Throws
 * InputError where it lies on another grid than the scan, or has none of the organs.
 */
export async function labelsOfModel(
  { name, organs }: Pick<ModelFacts, 'name' | 'organs'>,
  files: readonly NamedFile[],
  scan: Volume,
  watch: Watch,
): Promise<{ readonly data: Uint8Array; readonly note: string }> {
  const labels = await readLabelMap(files, reading(watch, 'reading the label map'));
  assertOnScan(labels.name, labels, scan);
  const model = { name, files: [], organs: organs.map((organ) => organ.name) };
  const given = await withNames({ name: labels.name, files, organs: undefined });
  const { toFirst, note } = match(model, given);
  toShared(labels.data, toFirst, given, model);
  return { data: labels.data, note };
}

function assertOnScan(name: string, labels: Volume, scan: Volume): void {
  if (!isSameGrid(scan, labels))
    throw new InputError(
      `${name} lies on another grid (${labels.shape.join(' × ')} voxels) than the scan (${scan.shape.join(' × ')})`,
    );
}

/** With the names in its file where it has none of its own. */
const withNames = async (of: Prediction): Promise<Prediction> => ({
  ...of,
  organs: of.organs ?? (await organsIn(of.files)),
});

/** The first one's label of each label of the second, 0 where it has none, and the labels of the organs in both. */
function match(first: Prediction, second: Prediction) {
  const names = first.organs ?? [];
  const others = second.organs ?? names;
  const plain = (name: string) => name.trim().toLowerCase().replaceAll('_', ' ');
  const labelOf = new Map(names.map((name, i) => [plain(name), i + 1]));
  const toFirst = [0, ...others.map((name) => labelOf.get(plain(name)) ?? 0)];
  const shared = new Set(toFirst.filter(Boolean));
  if (shared.size === 0)
    throw new InputError(`${second.name} has none of the organs of ${first.name}: ${names.join(', ')}`);
  const only = (of: Prediction, left: readonly string[]) =>
    left.length ? [`left out, since only ${of.name} has them: ${left.join(', ')}`] : [];
  const notes = [
    ...(second.organs
      ? []
      : [`${second.name} names no organs: its labels are taken for those of ${first.name}`]),
    ...only(
      first,
      names.filter((_, i) => !shared.has(i + 1)),
    ),
    ...only(
      second,
      others.filter((_, i) => !toFirst[i + 1]),
    ),
  ];
  return { toFirst, shared, note: notes.join('; ') };
}

/** Puts labels in place of others. Throws InputError where one is unknown. */
function toShared(data: Uint8Array, to: readonly number[], { name }: Prediction, first: Prediction): void {
  for (let i = 0; i < data.length; i++) {
    const label = to[data[i]!];
    if (label === undefined)
      throw new InputError(`${name} holds label ${data[i]}, ${first.name} knows 0 to ${to.length - 1}`);
    data[i] = label;
  }
}
