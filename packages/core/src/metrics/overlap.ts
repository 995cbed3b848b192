/** Voxel counts of all labels in one pass over a pair of label maps, and the Dice coefficient from them. */
import { InputError } from '../inputError.ts';
import type { Box, Xyz } from '../volume/volume.ts';
import { type LabelMap, labelMap } from './labelMap.ts';
import { byteWords, runEnd } from './labelRuns.ts';

/** The voxels of one label in two maps, slice by slice along z, and the box around all of them. */
export interface LabelOverlap {
  readonly referenceVoxels: Uint32Array;
  readonly predictionVoxels: Uint32Array;
  readonly commonVoxels: Uint32Array;
  /** The box around the label in both maps together; null where neither holds it. */
  readonly box: Box | null;
}

/** The numbers of one label's voxels in the reference, in the prediction, in both. */
export interface VoxelCounts {
  readonly reference: number;
  readonly prediction: number;
  readonly common: number;
}

/**
 * Counts the labels 0 to classCount − 1 of two maps of one shape; entry `label` of the result is that label's.
 * Throws where the shapes differ, and InputError where a label is outside the range.
 */
export function overlapByLabel(
  reference: LabelMap,
  prediction: LabelMap,
  classCount: number,
): LabelOverlap[] {
  assertSameShape(reference, prediction);
  const [nx, ny, nz] = reference.shape;
  const referenceVoxels = new Uint32Array(classCount * nz);
  const predictionVoxels = new Uint32Array(classCount * nz);
  const commonVoxels = new Uint32Array(classCount * nz);
  const boxes = Array.from({ length: classCount }, () => new GrowingBox());

  for (let z = 0; z < nz; z++) {
    const inReference = byteWords(reference.rows(z, 0, ny));
    const inPrediction = byteWords(prediction.rows(z, 0, ny));
    for (let y = 0; y < ny; y++) {
      const row = nx * y;
      for (let start = row, end = row; start < row + nx; start = end) {
        end = runEnd(inReference, inPrediction, start, row + nx);
        const r = inReference.bytes[start];
        const p = inPrediction.bytes[start];
        if (r >= classCount) throw badLabel(reference, classCount, r, start - row, y, z);
        if (p >= classCount) throw badLabel(prediction, classCount, p, start - row, y, z);
        referenceVoxels[r * nz + z] += end - start;
        predictionVoxels[p * nz + z] += end - start;
        boxes[r].add(start - row, end - row, y, z);
        if (r === p) commonVoxels[r * nz + z] += end - start;
        else boxes[p].add(start - row, end - row, y, z);
      }
    }
  }
  return boxes.map((box, label) => ({
    referenceVoxels: referenceVoxels.subarray(label * nz, (label + 1) * nz),
    predictionVoxels: predictionVoxels.subarray(label * nz, (label + 1) * nz),
    commonVoxels: commonVoxels.subarray(label * nz, (label + 1) * nz),
    box: box.finish(),
  }));
}

/** The counts on the slices from zMin up to but not including zMax; all slices where they are left out. */
export function countVoxels(overlap: LabelOverlap, zMin?: number, zMax?: number): VoxelCounts {
  const sum = (voxels: Uint32Array) => voxels.subarray(zMin, zMax).reduce((total, n) => total + n, 0);
  return {
    reference: sum(overlap.referenceVoxels),
    prediction: sum(overlap.predictionVoxels),
    common: sum(overlap.commonVoxels),
  };
}

/** The Dice coefficient, 2·|A∩B| / (|A| + |B|); NaN where both are empty. */
export function dice({ reference, prediction, common }: VoxelCounts): number {
  return (2 * common) / (reference + prediction);
}

/** The Dice coefficient as both rule sets have it: two empty masks agree, 1. */
export function diceOrOne(counts: VoxelCounts): number {
  return counts.reference + counts.prediction === 0 ? 1 : dice(counts);
}

/** The volume in ml of so many voxels. */
export function volumeMl(voxels: number, spacingMm: Xyz): number {
  return (voxels * spacingMm[0] * spacingMm[1] * spacingMm[2]) / 1000;
}

/**
 * DSC of every label (entry 0 is background's) of two maps in memory, voxel by voxel in the same order; a label
 * that neither holds scores 1. Throws where the lengths differ or a label is ≥ classCount.
 */
export function diceByLabel(reference: Uint8Array, prediction: Uint8Array, classCount: number): number[] {
  return overlapByLabel(
    labelMap([reference.length, 1, 1], reference, 'reference'),
    labelMap([prediction.length, 1, 1], prediction, 'prediction'),
    classCount,
  ).map((overlap) => diceOrOne(countVoxels(overlap)));
}

function assertSameShape(reference: LabelMap, prediction: LabelMap): void {
  if (reference.shape.every((n, axis) => n === prediction.shape[axis])) return;
  const size = ({ name, shape }: LabelMap) => `${name} has ${shape.join('×')} voxels`;
  throw new Error(`overlapByLabel: ${size(prediction)}, ${size(reference)}`);
}

function badLabel(map: LabelMap, classCount: number, label: number, x: number, y: number, z: number) {
  return new InputError(
    `${map.name}: voxel (${x}, ${y}, ${z}) is ${label}; labels are whole numbers from 0 to ${classCount - 1}`,
  );
}

/** The box around runs of voxels that are added one after another. */
class GrowingBox {
  #min: [number, number, number] = [Infinity, Infinity, Infinity];
  #max: [number, number, number] = [0, 0, 0];

  add(xMin: number, xMax: number, y: number, z: number): void {
    const min = this.#min;
    const max = this.#max;
    if (xMin < min[0]) min[0] = xMin;
    if (xMax > max[0]) max[0] = xMax;
    if (y < min[1]) min[1] = y;
    if (y >= max[1]) max[1] = y + 1;
    if (z < min[2]) min[2] = z;
    max[2] = z + 1;
  }

  finish(): Box | null {
    return this.#max[2] === 0 ? null : { min: this.#min, max: this.#max };
  }
}
