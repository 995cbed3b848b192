/** A label map of one region: 1 where a voxel has one of its labels, 0 elsewhere. */
export function ofRegion(map: Uint8Array, labels: readonly number[]): Uint8Array {
  const isIn = new Uint8Array(256);
  for (const label of labels) isIn[label] = 1;
  return map.map((label) => isIn[label]!);
}
