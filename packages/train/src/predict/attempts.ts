/** The attempts at a case, where the driver runs out of memory or loses the device. */
import { CapTooSmallError, type CasePlan, type MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import type { StreamRequest } from '@organseg/core/inference/slabStream.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { GpuLostError, OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';

/** The spacing, in mm, that Gao 2022 falls back to where the memory does not suffice. */
const FALLBACK_MM: Xyz = [2, 2, 2];

/** The share of the memory planned first that is tried after the driver ran out of it, and then its square. */
const RETRY_SHARE = 0.6;

export interface Attempt {
  readonly spacingMm: Xyz;
  /** Share of the peak that was planned first; below 1, one window at a time. */
  readonly share: number;
  /** Whether its grid is coarser than the one asked for. */
  readonly isFallback: boolean;
}

/** The attempts in order: as asked for, with less memory, and on a coarser grid where the one asked for is finer. */
export function attemptsAt(spacingMm: Xyz): Attempt[] {
  const isFine = spacingMm.some((mm, axis) => mm < FALLBACK_MM[axis]);
  return [
    { spacingMm, share: 1, isFallback: false },
    { spacingMm, share: RETRY_SHARE, isFallback: false },
    ...(isFine ? [{ spacingMm: FALLBACK_MM, share: RETRY_SHARE ** 2, isFallback: true }] : []),
  ];
}

/** The attempts at a case whose model is bound to a spacing: as asked for, and with less memory. */
export const attemptsOnOwnGrid = (spacingMm: Xyz): Attempt[] => [
  { spacingMm, share: 1, isFallback: false },
  { spacingMm, share: RETRY_SHARE, isFallback: false },
  { spacingMm, share: RETRY_SHARE ** 2, isFallback: false },
];

/**
 * The plan of an attempt: the best within the cap, and after a fault the best within a share of the peak that was
 * planned first, or the one that takes least. Throws CapTooSmallError where the cap cannot hold one window.
 */
export function planAttempt(
  planner: MemoryPlanner,
  request: StreamRequest,
  { share }: Attempt,
  { capBytes, firstPeak }: { readonly capBytes: number; readonly firstPeak: number | undefined },
): CasePlan {
  if (share === 1 || firstPeak === undefined) return planner.plan(request, capBytes);
  try {
    return planner.plan(request, share * firstPeak, 1);
  } catch (error) {
    if (!(error instanceof CapTooSmallError)) throw error;
    return planner.plan(request, error.smallestBytes, 1);
  }
}

/** Whether less memory or another device may cure an error. */
export const isMemoryFault = (error: unknown): error is Error =>
  error instanceof OutOfGpuMemoryError || error instanceof GpuLostError || error instanceof CapTooSmallError;
