/** Small label maps for tests, and the slow, obvious ways to measure them. */
import type { Xyz } from '../volume/volume.ts';
import { type LabelMap, labelMap } from './labelMap.ts';
import { overlapByLabel } from './overlap.ts';
import { labelSurface, type Surface } from './surface.ts';

/** The map of what `label` says at each voxel; booleans are labels 1 and 0. */
export function mapOf(
  shape: Xyz,
  label: (x: number, y: number, z: number) => number | boolean,
  name = 'map',
): LabelMap {
  const [nx, ny, nz] = shape;
  const data = new Uint8Array(nx * ny * nz);
  for (let z = 0, at = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++, at++) data[at] = Number(label(x, y, z));
  }
  return labelMap(shape, data, name);
}

/** The surfaces of label 1 of both maps, cut from the box around both; of the whole maps where both are empty. */
export function surfacesOf(reference: LabelMap, prediction: LabelMap): [Surface, Surface] {
  const box = overlapByLabel(reference, prediction, 2)[1].box ?? { min: [0, 0, 0], max: reference.shape };
  return [labelSurface(reference, 1, box), labelSurface(prediction, 1, box)];
}

export interface SlowElement {
  readonly corner: Xyz;
  readonly code: number;
}

/** Surface elements by the definition: all corners of the map, each with its eight voxels. */
export function slowElements(map: LabelMap, label: number): SlowElement[] {
  const [nx, ny, nz] = map.shape;
  const isIn = (x: number, y: number, z: number) =>
    x >= 0 && y >= 0 && z >= 0 && x < nx && y < ny && z < nz && map.rows(z, y, y + 1)[x] === label;
  const found: SlowElement[] = [];
  for (let x = 0; x <= nx; x++) {
    for (let y = 0; y <= ny; y++) {
      for (let z = 0; z <= nz; z++) {
        let code = 0;
        for (let corner = 0; corner < 8; corner++) {
          const [a, b, c] = [corner >> 2, (corner >> 1) & 1, corner & 1];
          if (isIn(x + a - 1, y + b - 1, z + c - 1)) code += 128 >> corner;
        }
        if (code !== 0 && code !== 255) found.push({ corner: [x, y, z], code });
      }
    }
  }
  return found;
}

/** The distance in mm to the nearest of some elements, by trying all. */
export function slowDistance(from: SlowElement, to: SlowElement[], spacingMm: Xyz): number {
  const offsets = to.map(({ corner }) =>
    corner.map((at, axis) => (at - from.corner[axis]) * spacingMm[axis]),
  );
  return Math.min(...offsets.map(([x, y, z]) => Math.sqrt(x * x + y * y + z * z)));
}
