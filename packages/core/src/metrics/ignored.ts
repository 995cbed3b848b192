/** Label maps without the voxels that a reference says nothing of. */

/** A reference and a prediction on one grid. */
interface LabelPair {
  readonly reference: Uint8Array;
  readonly prediction: Uint8Array;
}

/**
 * The pair with background in both maps where the reference has the ignore label; without such a label, or a voxel of
 * it, the pair as it is.
 */
export function withoutIgnored(
  { reference, prediction }: LabelPair,
  ignoreLabel: number | undefined,
): LabelPair {
  if (ignoreLabel === undefined || !reference.includes(ignoreLabel)) return { reference, prediction };
  const cleared = { reference: reference.slice(), prediction: prediction.slice() };
  for (let i = 0; i < reference.length; i++)
    if (reference[i] === ignoreLabel) cleared.reference[i] = cleared.prediction[i] = 0;
  return cleared;
}
