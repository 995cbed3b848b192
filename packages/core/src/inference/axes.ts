/**
 * Where a volume's x, y, z and a tensor's D, H, W meet: D is z, H is y, W is x, as nnU-Net reads images. The voxels
 * lie in memory in the same order either way.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Xyz } from '../volume/volume.ts';

export const dhwOf = ([x, y, z]: Xyz): Dhw => [z, y, x];

export const xyzOf = ([d, h, w]: Dhw): Xyz => [w, h, d];
