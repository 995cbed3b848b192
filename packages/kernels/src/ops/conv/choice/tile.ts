/**
 * Which kernel computes a convolution, and in what pieces. All share one indexing (`geometry.ts`, `correlation.ts`)
 * and differ in who multiplies:
 *
 *   direct   an invocation keeps some outputs in registers and reads its inputs from memory: for CPUs, for images of
 *            one channel, and as the plain kernel that the others are checked against
 *   fma      a workgroup shares tiles of inputs and weights, its invocations multiply and add in f32
 *   matrix   the same with tiles in f16, multiplied by subgroup matrices (tensor cores) into f32
 */
import type { Gpu, TileChoice } from '../../../device.ts';
import { hasMatrices, LANES } from '../tiled/matrix.ts';
import { bytesOf, gatherMemory, gradientMemory } from '../tiled/memory.ts';
import { type ConvProblem, DIRECT, type SharedTile, type Tile } from './problem.ts';

export const KERNELS = ['direct', 'fma', 'matrix'] as const;

export function chooseTile(gpu: Gpu, problem: ConvProblem): Tile {
  return gpu.tileChoice(gpu, problem) ?? defaultTile(gpu, problem);
}

/** The tile of a problem that was not tuned: direct on a CPU that plays GPU, else the first candidate. */
export function defaultTile(gpu: Gpu, problem: ConvProblem): Tile {
  return gpu.adapter.software ? DIRECT : tileCandidates(gpu, problem)[0]!;
}

/** All tiles that can serve a problem, the most promising first, the direct kernel last. */
export function tileCandidates(gpu: Gpu, problem: ConvProblem): Tile[] {
  return [...fittingTiles(gpu, problem).filter((tile) => tile.kernel === 'fma' || hasMatrices(gpu)), DIRECT];
}

/**
 * One kernel for all convolutions that it can compute, and the direct one for the others. Subgroup matrices are emulated
 * where the adapter has none: to check the kernel, not to use it.
 */
export const oneKernel =
  (kernel: (typeof KERNELS)[number]): TileChoice =>
  (gpu, problem) =>
    fittingTiles(gpu, problem).find((tile) => tile.kernel === kernel) ?? DIRECT;

function fittingTiles(gpu: Gpu, problem: ConvProblem): SharedTile[] {
  const { pass, dtype, inputChannels } = problem;
  if (Math.max(...inputChannels) < 4) return [];
  const shared =
    pass === 'gather'
      ? gatherTiles(problem).flatMap((tile) => withSplits(problem, tile))
      : weightGradientTiles(problem);
  return shared.filter(
    (tile) =>
      (tile.kernel === 'fma' || (dtype === 'f16' && gpu.hasF16)) &&
      tile.threads <= gpu.device.limits.maxComputeInvocationsPerWorkgroup &&
      workgroupBytes(problem, tile) <= gpu.device.limits.maxComputeWorkgroupStorageSize,
  );
}

/** Smallest of the sizes that holds n, or the largest. */
const holding = (n: number, sizes: readonly number[]) => sizes.find((size) => size >= n) ?? sizes.at(-1)!;

/** Workgroups that keep a large GPU busy. */
const BUSY_WORKGROUPS = 256;

/** The tile; before it, where it has few workgroups (few voxels with many channels), one that splits the sums. */
function withSplits(problem: ConvProblem, tile: SharedTile): SharedTile[] {
  const { inputChannels, outputChannels, taps, outStride, size } = problem;
  const [batch, depth, height, width] = size;
  const { lines, width: tileWidth, channels } = tile;
  const tiles = [height / lines, width / tileWidth, outputChannels / channels].map(Math.ceil);
  const groups = tiles.reduce((a, b) => a * b, batch * depth);
  const steps = taps[0] * Math.ceil(Math.max(...inputChannels) / tile.depth);
  const most = Math.min(steps, Math.floor(BUSY_WORKGROUPS / groups));
  if (most < 2 || outStride.some((stride) => stride > 1)) return [tile];
  return [{ ...tile, splits: Math.ceil(steps / Math.ceil(steps / most)) }, tile];
}

/** For tiles of a gather by `matrix`: the outputs, and the subgroups that share them. */
const GATHER_ROWS = [
  [256, 4],
  [128, 2],
  [512, 8],
  [64, 2],
] as const;

/** For tiles of a gather by `fma`: the outputs, and the channels that an invocation sums. */
const FMA_ROWS = [
  [128, 4],
  [256, 8],
  [128, 8],
  [64, 4],
] as const;

function gatherTiles({ outputChannels, stride, size: [, , height, width] }: ConvProblem): SharedTile[] {
  const tiles: SharedTile[] = [];
  const wide = holding(width, [16, 32, 64]);
  const tall = holding(height, [4, 8, 16]);
  const channels = holding(outputChannels, [16, 32, 64]);
  // Strided, a tile reads more inputs than it has outputs: it should have few of them, of many channels.
  const isStrided = stride[1] * stride[2] > 1;
  const narrow = Math.min(channels, 32);
  for (const n of new Set(isStrided ? [channels, narrow] : [narrow, channels])) {
    for (const depth of [16, 32]) {
      for (const [rows, subgroups] of isStrided ? GATHER_ROWS.toReversed() : GATHER_ROWS) {
        for (const w of new Set([Math.min(wide, 32), 16])) {
          const lines = rows / w;
          if (lines > tall) continue;
          tiles.push({ kernel: 'matrix', lines, width: w, channels: n, depth, threads: subgroups * LANES });
        }
      }
    }
  }
  for (const [rows, perThread] of FMA_ROWS) {
    for (const depth of [8, 16]) {
      const threads = (rows / 8) * (channels / perThread);
      if (threads < LANES || rows / wide > tall) continue;
      tiles.push({ kernel: 'fma', lines: rows / wide, width: wide, channels, depth, threads });
    }
  }
  return tiles;
}

function weightGradientTiles({
  inputChannels,
  outputChannels,
  taps: [, tapsH],
  size: [, , , width],
}: ConvProblem): SharedTile[] {
  const tiles: SharedTile[] = [];
  const a = holding(Math.max(...inputChannels), [16, 32, 64]);
  const b = holding(outputChannels, [16, 32, 64]);
  const w = holding(width, [16, 32, 64]);
  for (const wide of new Set([Math.min(w, 32), w])) {
    for (const perTap of [1, 2]) {
      for (const depth of new Set([16, Math.min(a, 32)])) {
        for (const channels of new Set([Math.min(b, 32), b])) {
          const threads = perTap * tapsH * LANES;
          tiles.push({ kernel: 'matrix', lines: 1, width: wide, channels, depth, threads });
        }
      }
    }
  }
  for (const depth of new Set([Math.min(a, 32), 16])) {
    const channels = Math.min(b, 32);
    const threads = (tapsH * depth * channels) / 16;
    tiles.push({ kernel: 'fma', lines: 1, width: Math.min(w, 32), channels, depth, threads });
  }
  return tiles;
}

/** Bytes of workgroup memory that a kernel takes, the moments of its outputs among them. */
const workgroupBytes = (problem: ConvProblem, tile: SharedTile): number =>
  bytesOf(problem.pass === 'gather' ? gatherMemory(tile, problem, true) : gradientMemory(tile, problem));
