/** The strategy `min-voxels` of Gao 2022: every organ has at least so many voxels. */
import type { Strategy } from './strategy.ts';

export const minVoxels: Strategy<{ readonly voxels: number }> = (cases, { voxels: least }) =>
  cases.map(({ voxels }) => {
    const small = Object.entries(voxels).filter(([, count]) => count < least);
    return small.length
      ? {
          kept: false,
          reason: `fewer than ${least} voxels: ${small.map(([organ, count]) => `${organ} ${count}`).join(', ')}`,
        }
      : { kept: true, reason: `every organ has at least ${least} voxels` };
  });
