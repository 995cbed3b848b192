/** Hounsfield units: what stands for air, and voxels that hold no number. */
import type { VoxelArray } from './volume.ts';

/** The lowest value of CT scanners' 12-bit scale, which stands for air. */
export const AIR_HU = -1024;

/** Sets voxels that are NaN or infinite to air, in place; returns how many there were. */
export const nonFiniteToAir = (data: VoxelArray): number => replaceNonFinite(data, AIR_HU);

/** Sets voxels that are NaN or infinite to a value, in place; returns how many there were. */
export function replaceNonFinite(data: VoxelArray, value: number): number {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    data[i] = value;
    count++;
  }
  return count;
}

/** Whether a channel of this name holds HU: CT, CECT, CTA, `CT (portal venous)`. */
export const isCt = (channelName: string): boolean =>
  channelName.split(/[^a-z0-9]+/i).some((word) => /^((ce|nc|ld|cb|hr)?ct|cta)$/i.test(word));
