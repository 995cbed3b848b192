/**
 * A label map on another grid, as nnU-Net resamples segmentations: the mask of each label, 1 where the map has it and 0
 * elsewhere, is interpolated linearly, and a voxel gets the highest label whose mask is at least ½ there, or 0.
 */
import type { LinearPairs } from '../volume/resampleGrid.ts';
import type { CroppedView } from './caseGeometry.ts';

/** The labels of a view of an array at places along its axes x, y, z; x runs fastest in the result. */
export function linearLabels(
  data: Uint8Array,
  { start, steps }: CroppedView,
  [alongX, alongY, alongZ]: readonly [LinearPairs, LinearPairs, LinearPairs],
): Uint8Array {
  const columns = alongX.length;
  // Of each column: how far into the array its two samples lie along x, and the share of the second.
  const first = Int32Array.from(alongX, ([lower]) => lower * steps[0]);
  const second = Int32Array.from(alongX, ([lower, share]) => (share ? lower + 1 : lower) * steps[0]);
  const shares = Float64Array.from(alongX, ([, share]) => share);
  const labels = new Uint8Array(columns * alongY.length * alongZ.length);
  const corners = new Uint8Array(8);
  let to = 0;
  for (const [z, shareZ] of alongZ)
    for (const [y, shareY] of alongY) {
      const row = start + z * steps[2] + y * steps[1];
      const [nextY, nextZ] = [shareY ? steps[1] : 0, shareZ ? steps[2] : 0];
      for (let column = 0; column < columns; column++, to++) {
        const [a, b] = [row + first[column]!, row + second[column]!];
        const one = data[a]!;
        corners[0] = one;
        corners[1] = data[b]!;
        corners[2] = data[a + nextY]!;
        corners[3] = data[b + nextY]!;
        corners[4] = data[a + nextZ]!;
        corners[5] = data[b + nextZ]!;
        corners[6] = data[a + nextY + nextZ]!;
        corners[7] = data[b + nextY + nextZ]!;
        let isUniform = true;
        for (let corner = 1; corner < 8; corner++) isUniform &&= corners[corner] === one;
        labels[to] = isUniform ? one : prevailing(corners, shares[column]!, shareY, shareZ);
      }
    }
  return labels;
}

/** The label of a place between eight samples, of which x runs fastest, by the shares of the upper ones. */
function prevailing(corners: Uint8Array, shareX: number, shareY: number, shareZ: number): number {
  let found = 0;
  for (let corner = 0; corner < 8; corner++) {
    const label = corners[corner]!;
    if (label <= found) continue;
    // The products and the sum in scipy's order, which decides in float64 what is just ½.
    let mask = 0;
    for (let other = 0; other < 8; other++)
      if (corners[other] === label)
        mask +=
          (other & 4 ? shareZ : 1 - shareZ) *
          (other & 2 ? shareY : 1 - shareY) *
          (other & 1 ? shareX : 1 - shareX);
    if (mask >= 0.5) found = label;
  }
  return found;
}
