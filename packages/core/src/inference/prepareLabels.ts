/** A case's label map on the network's grid. */
import { axisMaps, linearPairs, nearestIndices } from '../volume/resampleGrid.ts';
import type { Volume } from '../volume/volume.ts';
import { xyzOf } from './axes.ts';
import { type CaseGeometry, type CroppedView, croppedView } from './caseGeometry.ts';
import { linearLabels } from './linearLabels.ts';
import { coarseAxis, type NnunetGeometry } from './nnunet/geometry.ts';
import type { NnunetPreprocessing } from './nnunet/preprocessing.ts';
import { pairTable } from './nnunet/splines.ts';

/** How labels come to another grid: each voxel gets the one nearest to it, or as `linearLabels` says. */
export type LabelResampling = 'nearest' | 'linear';

/** A label map of the scan's grid on the network's. */
export function prepareLabels(
  { data }: Volume<Uint8Array>,
  geometry: CaseGeometry,
  way: LabelResampling,
): Volume<Uint8Array> {
  const { cropped, network } = geometry;
  const view = croppedView(geometry);
  const maps = axisMaps(cropped, network);
  const along = (axis: 0 | 1 | 2) => [maps[axis], network.shape[axis], cropped.shape[axis]] as const;
  const [x, y, z] = [along(0), along(1), along(2)];
  const prepared =
    way === 'linear'
      ? linearLabels(data, view, [linearPairs(...x), linearPairs(...y), linearPairs(...z)])
      : nearestLabels(data, view, [nearestIndices(...x), nearestIndices(...y), nearestIndices(...z)]);
  return { ...network, data: prepared };
}

/** A label map of the scan's grid on the network's, D, H, W, as nnU-Net lays it. */
export function prepareNnunetLabels(
  { data }: Volume<Uint8Array>,
  geometry: NnunetGeometry,
  preprocessing: NnunetPreprocessing,
  way: LabelResampling,
): Uint8Array {
  const { view, network } = geometry;
  if (way === 'linear') {
    const coarse = coarseAxis(preprocessing.dataResampling, geometry.spacingMm, preprocessing.spacingMm);
    const pairs = (axis: 0 | 1 | 2) =>
      pairTable(axis === coarse ? 0 : 1, geometry.cropped[axis], network[axis]);
    return linearLabels(data, view, [pairs(2), pairs(1), pairs(0)]);
  }
  const [x, y, z] = xyzOf(network).map((size, axis) => {
    const scale = view.shape[axis]! / size;
    return nearestIndices({ scale, offset: (scale - 1) / 2 }, size, view.shape[axis]!);
  });
  return nearestLabels(data, view, [x!, y!, z!]);
}

/** The labels at these columns, rows and planes of a view. */
function nearestLabels(
  data: Uint8Array,
  { start, steps }: CroppedView,
  nearest: readonly [Uint32Array, Uint32Array, Uint32Array],
): Uint8Array {
  // How far into the array they lie along each axis.
  const [fromX, fromY, fromZ] = nearest.map((indices, axis) => Array.from(indices, (i) => i * steps[axis]));
  const labels = new Uint8Array(fromX.length * fromY.length * fromZ.length);
  let to = 0;
  for (const z of fromZ)
    for (const y of fromY)
      for (let x = 0; x < fromX.length; x++) labels[to++] = data[start + z + y + fromX[x]];
  return labels;
}
