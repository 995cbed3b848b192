/** What is known of a volume, whatever format it comes in, before its voxels are read. */
import type { NiftiDtype } from './niftiDtype.ts';
import type { NiftiSpace } from './niftiSpace.ts';
import type { Affine } from './volume.ts';

/** The type of a volume's voxels, and where they lie. */
export interface VolumeHeader {
  /** Voxels along each axis, x first; at least three numbers. */
  readonly shape: readonly number[];
  readonly dtype: NiftiDtype;
  /** value = slope · stored + intercept; null where the stored values are the values. */
  readonly scaling: { readonly slope: number; readonly intercept: number } | null;
  /** Voxel index → world mm, whatever the header's unit. */
  readonly affine: Affine;
  /** How a NIfTI file of another volume on this grid places its voxels. */
  readonly space: NiftiSpace;
  /** The axes of several voxels whose size counts but is not stated, x being 0: 1 of the header's unit is taken. */
  readonly unstatedSizes: readonly number[];
}
