/** Regions are scored one by one, as they may overlap: in a label map of its own each. */
import { membersOf, type Region } from '../regions.ts';
import { type CaseScore, meanScore, type ScoredOrgan } from './score.ts';

/** A label map of one region: 1 where a voxel has one of its labels, 0 elsewhere. */
export function ofRegion(map: Uint8Array, labels: readonly number[]): Uint8Array {
  const isIn = membersOf(labels);
  return map.map((label) => isIn[label]!);
}

/** The scores of regions, each under the organ of its label, by what scores one organ of label 1. */
export function scoreRegions(
  { reference, prediction }: { readonly reference: Uint8Array; readonly prediction: Uint8Array },
  regions: readonly Region[],
  organs: readonly ScoredOrgan[],
  score: (reference: Uint8Array, prediction: Uint8Array, organs: readonly ScoredOrgan[]) => CaseScore,
): CaseScore {
  const scores = regions.map(({ labels, label }) => {
    const organ = { ...organs.find(({ id }) => id === label)!, id: 1 };
    return score(ofRegion(reference, labels), ofRegion(prediction, labels), [organ]);
  });
  return {
    organs: Object.assign({}, ...scores.map((each) => each.organs)),
    mean: meanScore(scores.map(({ mean }) => mean)),
  };
}
