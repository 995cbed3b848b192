/**
 * Whether a file may be a CT of a human in Hounsfield units: its size, its orientation and its values, each judged
 * in words. Whatever is doubtful may still be right; a size that cannot be is refused.
 */
import { InputError } from '../inputError.ts';
import { greatestShiftMm, spacingOf } from './affine.ts';
import {
  affineOfSpace,
  affineSource,
  isRotation,
  type NiftiSpace,
  statedSpacingMm,
  unitOf,
} from './niftiSpace.ts';
import { type VoxelArray, type Xyz, xyz } from './volume.ts';
import type { VolumeHeader } from './volumeHeader.ts';

export interface ScanDoubt {
  readonly about: 'series' | 'orientation' | 'voxel sizes' | 'values' | 'voxels that are not finite';
  /** One line, without the scan's name. */
  readonly text: string;
}

/** What a voxel of a CT may measure along an axis, and a scan. */
export const VOXEL_MM = [0.05, 50] as const;
const SCAN_MM = 2000;

/** The fault of a scan whose voxels or whose extent no CT of a human has; undefined where there is none. */
export function sizeFault({ affine, shape, space }: VolumeHeader): string | undefined {
  const spacing = spacingOf(affine);
  const unit = unitOf(space);
  const said = unit === 'unknown' ? 'the header names no unit, mm is taken' : `the header says ${unit}`;
  if (spacing.some((mm) => mm < VOXEL_MM[0] || mm > VOXEL_MM[1]))
    return `voxels of ${inMm(spacing)}, expected ${VOXEL_MM.join(' to ')} mm; ${said}`;
  const extent = xyz((axis) => spacing[axis] * shape[axis]);
  if (extent.some((mm) => mm > SCAN_MM))
    return `a scan of ${inMm(extent)}, expected at most ${SCAN_MM} mm; ${said}`;
  return undefined;
}

/** Throws InputError that names the file. */
export function assertScanSize(header: VolumeHeader, name: string): void {
  const fault = sizeFault(header);
  if (fault) throw new InputError(`${name}: ${fault}`);
}

/** Relative difference of two spacings, and millimetres between two places of a voxel, that are no rounding. */
const SPACING_SHARE = 0.01;
const SHIFT_MM = 1;

/** What is guessed or contradictory in how the header places its voxels. */
export function orientationDoubt({ affine, shape, space }: VolumeHeader): string | undefined {
  const source = affineSource(space);
  if (source === 'pixdim') return 'the header holds no orientation (both codes are 0): LAS is assumed';
  if (source === 'qform') return undefined;
  const [spacing, stated] = [spacingOf(affine), statedSpacingMm(space)];
  if (spacing.some((mm, axis) => Math.abs(mm - stated[axis]) > SPACING_SHARE * mm))
    return `the sform’s voxels are ${inMm(spacing)}, pixdim says ${inMm(stated)}: the sform is taken`;
  if (space.qformCode <= 0 || !isRotation(space.quaternion)) return undefined;
  const [nx, ny, nz] = shape;
  const shiftMm = greatestShiftMm([nx, ny, nz], affine, qformOf(space, [nx, ny, nz]));
  if (!(shiftMm > SHIFT_MM)) return undefined;
  return `sform and qform place voxels up to ${shiftMm.toPrecision(3)} mm apart: the sform is taken`;
}

/** Axes whose voxel size is a guess. */
export function unstatedSizesDoubt({ space, unstatedSizes }: VolumeHeader): string | undefined {
  if (!unstatedSizes.length) return undefined;
  const unit = unitOf(space);
  const axes = unstatedSizes.map((axis) => 'xyz'[axis]).join(', ');
  return `pixdim states no voxel size along ${axes}: 1 ${unit === 'unknown' ? 'mm' : unit} is taken`;
}

const qformOf = (space: NiftiSpace, shape: Xyz) => affineOfSpace({ ...space, sformCode: 0 }, shape);

/** Values between which air and lung lie, and soft tissue. The scanner's lowest value is often padding. */
const AIR = [-1023, -200] as const;
const SOFT_TISSUE = [-200, 300] as const;
const LEAST_AIR = 1e-5;
const LEAST_SOFT_TISSUE = 0.01;

/** The values of a scan, taken in blocks. */
export class VoxelSummary {
  /** Over the finite values; infinite where there are none. */
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;
  sum = 0;
  nanCount = 0;
  infiniteCount = 0;
  #voxels = 0;
  #air = 0;
  #softTissue = 0;
  #dense = 0;

  add(block: VoxelArray): void {
    let { min, max } = this;
    let [sum, air, softTissue, dense] = [0, 0, 0, 0];
    for (let i = 0; i < block.length; i++) {
      const value = block[i];
      if (!Number.isFinite(value)) {
        if (Number.isNaN(value)) this.nanCount++;
        else this.infiniteCount++;
        continue;
      }
      if (value < min) min = value;
      if (value > max) max = value;
      if (value >= AIR[0] && value < AIR[1]) air++;
      else if (value >= SOFT_TISSUE[0] && value < SOFT_TISSUE[1]) softTissue++;
      else if (value >= SOFT_TISSUE[1]) dense++;
      sum += value;
    }
    this.min = min;
    this.max = max;
    this.sum += sum;
    this.#voxels += block.length;
    this.#air += air;
    this.#softTissue += softTissue;
    this.#dense += dense;
  }

  /** Why the values can hardly be Hounsfield units; undefined where they can. */
  get doubt(): string | undefined {
    const { min, max } = this;
    if (min > max) return 'no voxel is finite';
    const values =
      min === max ? `every value is ${short(min)}` : `values from ${short(min)} to ${short(max)}`;
    if (max < SOFT_TISSUE[0]) return `${values}: nothing but air; are these HU?`;
    if (max < 0) return `${values}: nothing as dense as water; are these HU?`;
    if (this.#air < LEAST_AIR * this.#voxels)
      return `${values}, none between ${AIR.join(' and ')}: no air; are these HU?`;
    if (this.#softTissue < LEAST_SOFT_TISSUE * this.#voxels)
      return `${values}, hardly any between ${SOFT_TISSUE.join(' and ')}: no soft tissue; are these HU?`;
    if (this.#dense > this.#softTissue)
      return `${values}, more above ${SOFT_TISSUE[1]} than in soft tissue; are these HU?`;
    return undefined;
  }
}

/** All that is doubtful of a scan. */
export function scanDoubts(header: VolumeHeader, values: VoxelSummary): ScanDoubt[] {
  const notFinite = values.nanCount + values.infiniteCount;
  const doubts = [
    { about: 'orientation', text: orientationDoubt(header) },
    { about: 'voxel sizes', text: unstatedSizesDoubt(header) },
    { about: 'values', text: values.doubt },
    {
      about: 'voxels that are not finite',
      text: notFinite ? `${notFinite} of its voxels are not finite, taken as air` : undefined,
    },
  ] as const;
  return doubts.flatMap(({ about, text }) => (text === undefined ? [] : { about, text }));
}

const short = (value: number) => String(Number(value.toPrecision(6)));

const inMm = (lengths: readonly number[]) =>
  `${lengths.map((mm) => Number(mm.toPrecision(4))).join(' × ')} mm`;
