/**
 * The logits of the slab in work: windows are added with their weights, finished planes become labels at once, on the
 * network's grid and, where logits are to be interpolated, on the case's; then they make room for the next.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { compile, discard, type Launch, runOnce } from '@organseg/kernels/kernel.ts';
import { argmax } from '@organseg/kernels/ops/argmax.ts';
import { argmaxResampled, type LogitsPlane } from '@organseg/kernels/ops/argmaxResampled.ts';
import { confidence } from '@organseg/kernels/ops/confidence.ts';
import { fillZeroRange } from '@organseg/kernels/ops/fill.ts';
import { probabilitiesResampled } from '@organseg/kernels/ops/probabilitiesResampled.ts';
import { ringRuns } from '@organseg/kernels/ring.ts';
import {
  downloadF32,
  elementBytes,
  empty,
  fromArray,
  release,
  type Tensor,
  zeros,
} from '@organseg/kernels/tensor.ts';
import { Downloads } from '@organseg/kernels/transfer.ts';
import type { LinearPairs } from '../volume/resampleGrid.ts';

/** Labels of planes [from, to), columns [left, right) and all rows; `planeStride` labels from plane to plane. */
export interface LabelBlock {
  readonly from: number;
  readonly to: number;
  readonly left: number;
  readonly right: number;
  readonly planeStride: number;
  readonly labels: Uint8Array;
}

/** The case's grid, on which logits are interpolated. */
export interface LabelGrid {
  readonly size: Dhw;
  /** Along D, H and W: the lower of the network's indices beside each of this grid's, and the share of the next one. */
  readonly tables: readonly [LinearPairs, LinearPairs, LinearPairs];
  /** Also sends probabilities to the sink. */
  readonly probabilities?: boolean;
}

/** Probabilities of one plane, columns [left, right), in 255ths; `classStride` values from channel to channel. */
export interface ProbabilityPlane {
  /** Index along D on the case's grid. */
  readonly plane: number;
  readonly left: number;
  readonly right: number;
  readonly classStride: number;
  readonly values: Uint8Array;
}

/** Takes labels: on the network's grid, and on the case's where logits are interpolated. */
export interface LabelSink {
  network(block: LabelBlock): void;
  resampled?(block: LabelBlock): void;
  probabilities?(plane: ProbabilityPlane): void;
  /** Mean logits of planes of the network's grid, the first being `from`, as [planes, H, W, classes], given [H, W]; of one strip alone. */
  logits?(from: number, values: Float32Array, plane: readonly [number, number]): void;
}

/** The most bytes of a block of labels that travels at once; one plane where that is more. */
const BLOCK_BYTES = 8 * 2 ** 20;

/** What a slab is for. */
export interface LabelSlabOptions {
  readonly classes: number;
  /** The planes that a window may write to. */
  readonly patchDepth: number;
  /** What logits are stored in. */
  readonly dtype: 'f32' | 'f16';
  readonly grid: LabelGrid | undefined;
  /** Labels of the channels, where those are regions. */
  readonly regions?: readonly number[] | undefined;
  /** The least probability that counts for each class, where labels are pseudo-labels, see ops/argmax.ts. */
  readonly least?: readonly number[] | undefined;
  /** f32 [classes, 3]: sums of ops/confidence.ts over the finished planes of the network's grid are added to it. */
  readonly confidence?: Tensor | undefined;
}

/** The logits and labels of columns [left, right) of a volume. */
export class LabelSlab {
  /** A ring of planes, [R, H, W, C]. */
  readonly logits: Tensor;
  readonly left: number;
  readonly #right: number;
  readonly #gpu: Gpu;
  readonly #size: Dhw;
  readonly #grid: (LabelGrid & GridTables) | undefined;
  readonly #labels: Tensor;
  readonly #blockBytes: number;
  readonly #downloads: Downloads;
  readonly #regions: readonly number[] | undefined;
  readonly #least: Tensor | undefined;
  readonly #confidence: Tensor | undefined;
  readonly #shares: { readonly tensor: Tensor; readonly downloads: Downloads } | undefined;
  /** The numbers of finished planes on the network's grid and on the case's, and the first plane still held. */
  #finished = 0;
  #finishedOnGrid = 0;
  #held = 0;

  constructor(
    gpu: Gpu,
    size: Dhw,
    [left, right]: readonly [number, number],
    { classes, patchDepth, dtype, grid, regions, least, confidence }: LabelSlabOptions,
  ) {
    const [D, H, W] = size;
    this.#gpu = gpu;
    this.#size = size;
    this.#regions = regions;
    this.#least = least && fromArray(gpu, Float32Array.from(least), [least.length]);
    this.#confidence = confidence;
    this.left = left;
    this.#right = right;
    // Interpolation reads one plane more, and one column.
    const reach = grid ? 1 : 0;
    const width = Math.min(W, right + reach) - left;
    this.logits = zeros(gpu, [Math.min(D, patchDepth + reach), H, width, classes], dtype);
    this.#grid = grid && { ...grid, ...gridTables(gpu, grid, left, right) };
    const plane = Math.max(H * width, this.#grid?.planeStride ?? 0);
    // A block holds as many planes as a layer of windows finishes on the finer of the two grids.
    const planes = Math.ceil(patchDepth * Math.max(1, (grid?.size[0] ?? 0) / D));
    this.#blockBytes = Math.max(plane, Math.min(BLOCK_BYTES, plane * planes));
    this.#labels = empty(gpu, [this.#blockBytes], 'u8');
    this.#downloads = new Downloads(gpu, this.#blockBytes);
    this.#compileAhead();
    if (!this.#grid?.probabilities) return;
    const tensor = empty(gpu, [classes, this.#grid.planeStride], 'u8');
    this.#shares = { tensor, downloads: new Downloads(gpu, classes * this.#grid.planeStride) };
  }

  /** Begins to compile what finishing planes runs. */
  #compileAhead(): void {
    const [, H, W, classes] = this.logits.shape as [number, number, number, number];
    const labels = { ...this.#labels, shape: [1, H, W] };
    const launches = [
      ...argmax(this.#gpu, { logits: this.logits, labels, regions: this.#regions, least: this.#least }),
      ...(this.#grid && this.#grid.right > this.#grid.left ? [this.#labelsOnGrid(this.#grid, 0, 0)] : []),
      ...fillZeroRange(this.#gpu, this.logits, 0, H * W * classes),
    ];
    compile(launches);
    discard(this.#gpu, launches);
  }

  /** Sends the labels of the planes before `until`, which no window will write to any more, and frees their place. */
  async finish(until: number, sink: LabelSink): Promise<void> {
    if (sink.logits) await this.#readLogits(until, sink.logits);
    await this.#toNetworkGrid(until, sink);
    let held = until;
    if (this.#grid && sink.resampled) {
      held = await this.#toGrid(until, this.#grid, sink);
    }
    const [ring, H, W, classes] = this.logits.shape as [number, number, number, number];
    const plane = H * W * classes;
    for (const { from, to, at } of ringRuns(this.#held, held, ring))
      runOnce(this.#gpu, fillZeroRange(this.#gpu, this.logits, at * plane, (to - from) * plane));
    this.#held = held;
  }

  /** Reads the logits of the planes that are finished now. */
  async #readLogits(until: number, take: NonNullable<LabelSink['logits']>): Promise<void> {
    const [ring, ...plane] = this.logits.shape as [number, ...number[]];
    const elements = plane.reduce((a, b) => a * b);
    for (const { from, to, at } of ringRuns(this.#finished, until, ring)) {
      const offsetBytes = this.logits.offsetBytes + at * elements * elementBytes(this.logits.dtype);
      const finished = { ...this.logits, shape: [to - from, ...plane], offsetBytes };
      take(from, await downloadF32(this.#gpu, finished), [plane[0]!, plane[1]!]);
    }
  }

  async #toNetworkGrid(until: number, sink: LabelSink): Promise<void> {
    const [ring, H, W] = this.logits.shape as [number, number, number];
    const planeStride = H * W;
    const most = Math.max(1, Math.floor(this.#blockBytes / planeStride));
    while (this.#finished < until) {
      const [run] = ringRuns(this.#finished, Math.min(until, this.#finished + most), ring);
      const { from, to, at } = run!;
      const labels = { ...this.#labels, shape: [to - from, H, W] };
      const voxels = (to - from) * planeStride;
      const finished = { logits: this.logits, first: at * planeStride, voxels };
      const kind = { regions: this.#regions, least: this.#least };
      runOnce(this.#gpu, argmax(this.#gpu, { ...finished, labels, ...kind }));
      if (this.#confidence) {
        const { launches, scratch } = confidence(this.#gpu, { ...finished, sums: this.#confidence });
        runOnce(this.#gpu, launches);
        release(this.#gpu, ...scratch);
      }
      const block = { from, to, left: this.left, right: this.#right, planeStride };
      await this.#downloads.download(labels, voxels, (bytes) =>
        sink.network({ ...block, ...withoutReach(bytes, planeStride, W, this.#right - this.left) }),
      );
      this.#finished = to;
    }
  }

  /** Returns the first plane of the network's grid that the next planes of the case's need. */
  async #toGrid(until: number, grid: LabelGrid & GridTables, sink: LabelSink) {
    let end = this.#finishedOnGrid;
    while (end < grid.size[0] && this.#upper(grid, end) < until) end++;
    const most = Math.max(1, Math.floor(this.#blockBytes / grid.planeStride));
    while (this.#finishedOnGrid < end && grid.right > grid.left) {
      const from = this.#finishedOnGrid;
      const to = Math.min(end, from + most);
      const launches: Launch[] = [];
      const { left, right, planeStride } = grid;
      for (let plane = from; plane < to; plane++) {
        launches.push(this.#labelsOnGrid(grid, plane, plane - from));
        if (this.#shares && sink.probabilities) {
          const { tensor, downloads } = this.#shares;
          const call = { ...this.#planeOf(grid, plane), probabilities: tensor };
          const areRegions = this.#regions !== undefined;
          runOnce(this.#gpu, [probabilitiesResampled(this.#gpu, { ...call, areRegions })]);
          const bytes = tensor.shape[0]! * planeStride;
          await downloads.download(tensor, bytes, (values) =>
            sink.probabilities!({ plane, left, right, classStride: planeStride, values }),
          );
        }
      }
      runOnce(this.#gpu, launches);
      const bytes = (to - from) * planeStride;
      await this.#downloads.download(this.#labels, bytes, (labels) =>
        sink.resampled!({ from, to, left, right, planeStride, labels }),
      );
      this.#finishedOnGrid = to;
    }
    this.#finishedOnGrid = end;
    return end < grid.size[0] ? Math.min(until, grid.depth[end]![0]) : until;
  }

  /** The later of the network's planes that a plane of the case's lies between. */
  #upper(grid: GridTables, plane: number): number {
    return Math.min(this.#size[0] - 1, grid.depth[plane]![0] + 1);
  }

  #planeOf(grid: LabelGrid & GridTables, plane: number): LogitsPlane {
    const [lower, share] = grid.depth[plane]!;
    const ring = this.logits.shape[0]!;
    return {
      logits: this.logits,
      planes: [lower % ring, this.#upper(grid, plane) % ring],
      share,
      table: grid.table,
      size: [grid.size[1], grid.right - grid.left],
    };
  }

  /** Writes the labels of a plane of the case's grid as the block's plane `at`. */
  #labelsOnGrid(grid: LabelGrid & GridTables, plane: number, at: number): Launch {
    const labels = { labels: this.#labels, planeStride: grid.planeStride, plane: at };
    const kind = { regions: this.#regions, least: this.#least };
    return argmaxResampled(this.#gpu, { ...this.#planeOf(grid, plane), ...labels, ...kind });
  }

  /** Waits until all labels have been taken. */
  async drain(): Promise<void> {
    await this.#downloads.drain();
    await this.#shares?.downloads.drain();
  }

  close(): void {
    this.#downloads.close();
    release(this.#gpu, this.logits, this.#labels);
    if (this.#least) release(this.#gpu, this.#least);
    if (this.#grid) release(this.#gpu, this.#grid.table);
    if (!this.#shares) return;
    this.#shares.downloads.close();
    release(this.#gpu, this.#shares.tensor);
  }
}

/** How the case's grid lies in the network's: for each index the lower neighbour, and the share of the next. */
interface GridTables {
  /** The case's planes. */
  readonly depth: LinearPairs;
  /** f32 [rows + columns, 2]: the case's rows, then its columns [left, right), which lie in the slab. */
  readonly table: Tensor;
  readonly left: number;
  readonly right: number;
  readonly planeStride: number;
}

function gridTables(gpu: Gpu, { tables }: LabelGrid, left: number, right: number): GridTables {
  const [depth, rows, columns] = tables;
  const isMine = ([lower]: readonly [number, number]) => lower >= left && lower < right;
  const first = columns.findIndex(isMine);
  const mine = columns.filter(isMine).map(([lower, share]) => [lower - left, share]);
  const table = fromArray(gpu, Float32Array.from([...rows, ...mine].flat()), [rows.length + mine.length, 2]);
  const planeStride = Math.ceil((rows.length * mine.length) / 256) * 256;
  return { depth, table, left: first, right: first + mine.length, planeStride };
}

/** The labels of the slab's own columns, without the one that interpolation reads beyond them. */
function withoutReach(bytes: Uint8Array, planeStride: number, width: number, own: number) {
  if (width === own) return { labels: bytes, planeStride };
  const rows = bytes.length / width;
  const labels = new Uint8Array(rows * own);
  for (let row = 0; row < rows; row++) labels.set(bytes.subarray(row * width, row * width + own), row * own);
  return { labels, planeStride: (planeStride / width) * own };
}
