/**
 * Sliding-window inference with Gaussian weights in memory that does not grow with the number of slices: the network
 * sees patches that overlap, and the logits of a voxel are the weighted mean of those of all patches that hold it.
 * Windows are taken in z order; image and logits are kept for the slab alone that windows still touch. Where a slab
 * of the full width does not fit, the volume is done in strips of columns, and windows on a border are seen twice.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { compile, discard, type Launch, runOnce } from '@organseg/kernels/kernel.ts';
import {
  accumulateWindow,
  type Mirrored,
  type WeightMap,
  windowTable,
} from '@organseg/kernels/ops/accumulateWindow.ts';
import { cutWindow } from '@organseg/kernels/ops/cutWindow.ts';
import { orAborted } from '@organseg/kernels/orAborted.ts';
import {
  clear,
  downloadF32,
  elementCount,
  fromArray,
  release,
  type Tensor,
  zeros,
} from '@organseg/kernels/tensor.ts';
import type { ClassGroup } from '../network/inferenceProgram.ts';
import { ForegroundPeek } from './foregroundPeek.ts';
import { ImageRing } from './imageRing.ts';
import { type LabelGrid, type LabelSink, LabelSlab } from './labelSlab.ts';
import type { Networks } from './networks.ts';
import type { ReadPlanes, Resampling } from './preprocess.ts';
import type { TapResampling } from './tapPreparation.ts';
import {
  inStrip,
  middleFirst,
  type PlacedWindow,
  stripColumns,
  type WindowLayer,
  widest,
  windowLayers,
} from './windowLayers.ts';
import { importanceMap, mirrorings, type WindowWay, windowOrigins, windowWeights } from './windows.ts';

/** What a case asks for. */
export interface StreamRequest {
  /** The size of the network's grid. */
  readonly size: Dhw;
  /** How the host's planes are prepared, unless they are the network's already. */
  readonly source?: Resampling | TapResampling | undefined;
  /** The grid on which logits are interpolated, besides the network's. */
  readonly grid?: LabelGrid | undefined;
  /** The distance of neighbouring windows as a share of the patch; 0.5 overlaps by half. */
  readonly windowStep: number;
  /** Whose windows are placed and weighed; ours unless given. */
  readonly windowWay?: WindowWay;
  /** Labels of the networks' channels, where those are regions that may overlap. */
  readonly regions?: readonly number[] | undefined;
  /** The least probability that counts for each class, where labels are pseudo-labels, see ops/argmax.ts. */
  readonly least?: readonly number[] | undefined;
  /** Axes, 0 to 2 of D, H, W, along which the network sees windows mirrored too. */
  readonly mirrorAxes?: readonly number[];
  /**
   * Looks at the middle one of the windows that begin at one plane first, and leaves the others out where it holds no
   * foreground (Huang 2022, FLARE22's winner). Labels may be lost. The networks' classes come all at once then.
   */
  readonly skipEarly?: boolean;
  /** Sums up how sure the networks are of their foreground, see `confidence`; of regions there is no such sum. */
  readonly confidence?: boolean;
}

/** How a case is done in the memory that there is. */
export interface StreamPlan {
  /** What the slab's logits are stored in. */
  readonly logits: 'f32' | 'f16';
  /** The number of strips of columns, one after another. */
  readonly strips: number;
}

/** The image that a stream is fed with. */
export interface StreamSource {
  readonly readPlanes: ReadPlanes;
  /** Whether a box of the network's grid holds anything but air. */
  hasBody(from: Dhw, to: Dhw): boolean;
}

/** What became of a case's windows. */
export interface WindowCounts {
  /** All windows, looked at or not. */
  readonly all: number;
  /** Windows that hold air alone and were not looked at. */
  readonly air: number;
  /** Windows that `skipEarly` left out. */
  readonly early: number;
}

interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onShare?: ((share: number) => void) | undefined;
}

/** A window that the network sees in some mirroring. */
interface Job extends PlacedWindow {
  readonly mirrored: Mirrored;
}

/** The number of batches that the GPU may have before it: one at work, one waiting. */
const IN_FLIGHT = 2;

/** Does one case; all its memory is allocated when it is made. */
export class SlabStream {
  readonly #gpu: Gpu;
  readonly #networks: Networks;
  readonly #size: Dhw;
  readonly #origins: readonly (readonly number[])[];
  readonly #mirrorings: readonly Mirrored[];
  readonly #weights: Tensor | Omit<WeightMap, 'left'>;
  readonly #weightsAt: Dhw;
  readonly #ring: ImageRing;
  readonly #columns: readonly [number, number][];
  readonly #makeSlab: (columns: readonly [number, number]) => LabelSlab;
  #slab: LabelSlab;
  /** Looks at the first window of a layer, where others may be skipped for it. */
  readonly #peek: ForegroundPeek | undefined;
  /** Sums of each class, f32 [classes, 3], see ops/confidence.ts. */
  readonly #confidence: Tensor | undefined;
  #skipped = 0;

  constructor(gpu: Gpu, networks: Networks, request: StreamRequest, plan: StreamPlan) {
    const {
      size,
      source,
      grid,
      windowStep,
      windowWay,
      regions,
      least,
      mirrorAxes = [],
      skipEarly = false,
    } = request;
    const { patch, network } = networks;
    this.#gpu = gpu;
    this.#networks = networks;
    this.#size = size;
    this.#origins = size.map((n, axis) => windowOrigins(n, patch[axis]!, windowStep, windowWay));
    this.#mirrorings = mirrorings(mirrorAxes);
    // Makes the sum over mirrorings and models their mean.
    const scale = 1 / (this.#mirrorings.length * networks.count);
    if (windowWay === 'nnunet') {
      const windows = windowTable(size, patch, this.#origins);
      this.#weights = {
        map: fromArray(gpu, importanceMap(patch), patch),
        windows: fromArray(gpu, windows, [windows.length]),
        scale,
        size,
      };
      this.#weightsAt = [0, 0, 0];
    } else {
      const tables = this.#origins.map((starts, axis) => windowWeights(size[axis]!, patch[axis]!, starts));
      const weights = [...tables[0]!.map((weight) => weight * scale), ...tables[1]!, ...tables[2]!];
      this.#weights = fromArray(gpu, Float32Array.from(weights), [weights.length]);
      this.#weightsAt = [0, tables[0]!.length, tables[0]!.length + tables[1]!.length];
    }
    const starts = this.#origins[0]!;
    const gap = Math.max(0, ...starts.slice(1).map((start, i) => start - starts[i]!));
    // The planes of the next windows come while the present ones are at work.
    const depth = Math.max(patch[0], Math.min(size[0], patch[0] + gap));
    this.#ring = new ImageRing(gpu, size, depth, network.inputChannels, source);
    this.#columns = stripColumns(size[2], plan.strips);
    this.#confidence = request.confidence && !regions ? zeros(gpu, [network.classes, 3]) : undefined;
    const options = {
      classes: network.classes,
      patchDepth: patch[0],
      dtype: plan.logits,
      grid,
      regions,
      least,
      confidence: this.#confidence,
    };
    this.#makeSlab = (columns) => new LabelSlab(gpu, size, columns, options);
    this.#slab = this.#makeSlab(widest(this.#columns));
    if (skipEarly) this.#peek = new ForegroundPeek(gpu, elementCount(patch), regions);
    // What each window runs, compiled while the first planes come.
    const origin: Dhw = [0, 0, this.#slab.left];
    const job: Job = { origin, weightsAt: this.#weightsAt, mirrored: this.#mirrorings[0]! };
    const ahead = [...this.#cuts([job]), ...this.#sums([job], { firstClass: 0, skip: 0 })];
    compile(ahead);
    discard(gpu, ahead);
  }

  /** Feeds the volume through, once; every voxel's label comes to the sink once. */
  async run(source: StreamSource, sink: LabelSink, options: RunOptions = {}): Promise<WindowCounts> {
    const grid = {
      size: this.#size,
      patch: this.#networks.patch,
      origins: this.#origins,
      weightsAt: this.#weightsAt,
    };
    const layers = windowLayers(grid, (from, to) => source.hasBody(from, to));
    const jobsIn = ({ windows }: WindowLayer) =>
      windows.length * this.#mirrorings.length * this.#networks.count;
    const strips = this.#columns.map((columns) => ({
      columns,
      layers: layers.map((layer) => inStrip(layer, columns, this.#networks.patch[2])),
    }));
    const total = strips.flatMap((strip) => strip.layers).reduce((sum, layer) => sum + jobsIn(layer), 0);
    let done = 0;
    this.#skipped = 0;
    if (this.#confidence) clear(this.#gpu, this.#confidence);
    for (const strip of strips) {
      // The slab that is there is the widest strip's.
      if (strips.length > 1) {
        this.#slab.close();
        this.#gpu.arena.trim(); // strips differ by a column: what one leaves may not serve the next
        this.#slab = this.#makeSlab(strip.columns);
      }
      this.#ring.restart();
      for (const layer of strip.layers) {
        await this.#ring.fill(layer.needs, source.readPlanes);
        await this.#gpu.pipelines.ready(options.signal);
        await this.#runLayer(layer, source.readPlanes, options.signal, (jobs) => {
          done += jobs;
          options.onShare?.(done / total);
        });
        await this.#slab.finish(layer.finished, sink);
      }
      await this.#slab.drain();
    }
    this.#gpu.check();
    options.onShare?.(1);
    const all = this.#origins.reduce((product, starts) => product * starts.length, 1);
    const air = all - layers.reduce((sum, { windows }) => sum + windows.length, 0);
    return { all, air, early: this.#skipped };
  }

  /** Of the last run the voxels of each class, and the sums of their largest probabilities and of their entropies. */
  async confidence(): Promise<readonly (readonly [number, number, number])[] | undefined> {
    if (!this.#confidence) return undefined;
    const sums = await downloadF32(this.#gpu, this.#confidence);
    return Array.from({ length: sums.length / 3 }, (_, c) => [
      sums[3 * c]!,
      sums[3 * c + 1]!,
      sums[3 * c + 2]!,
    ]);
  }

  /** Runs the windows of a layer, and fills in the image of the next one meanwhile. */
  async #runLayer(
    { windows, nextNeeds }: WindowLayer,
    readPlanes: ReadPlanes,
    signal: AbortSignal | undefined,
    onJobs: (count: number) => void,
  ): Promise<void> {
    const networks = this.#networks;
    const order = this.#peek ? middleFirst(windows) : windows;
    const jobs = order.flatMap((window) =>
      this.#mirrorings.map((mirrored): Job => ({ ...window, mirrored })),
    );
    const batches = Array.from({ length: Math.ceil(jobs.length / networks.batch) }, (_, i) =>
      jobs.slice(i * networks.batch, (i + 1) * networks.batch),
    );
    const firstFilled = this.#ring.filled;
    const running: Promise<unknown>[] = [];
    let count = batches.length;
    for (let model = 0, done = 0; model < networks.count; model++) {
      networks.use(model);
      for (let i = 0; i < count; i++) {
        signal?.throwIfAborted();
        this.#runBatch(batches[i]!);
        const work = this.#gpu.device.queue.onSubmittedWorkDone();
        work.catch(() => {}); // heard of where it is awaited
        running.push(work);
        if (running.length >= IN_FLIGHT) await orAborted(running.shift()!, signal);
        this.#gpu.check();
        done++;
        const share = done / (networks.count * count);
        await this.#ring.fill(firstFilled + Math.floor((nextNeeds - firstFilled) * share), readPlanes);
        onJobs(batches[i]!.length);
        if (done === 1 && count > 1 && this.#peek && !(await this.#peek.sees(networks.logits))) {
          const left = jobs.length - batches[0]!.length;
          this.#skipped += Math.floor(left / this.#mirrorings.length);
          onJobs(left * networks.count);
          count = 1; // for the other models too
        }
      }
    }
    await orAborted(Promise.all(running), signal);
    this.#gpu.check();
  }

  #runBatch(jobs: readonly Job[]): void {
    const { image, patch } = this.#networks;
    if (this.#size[0] < patch[0]) clear(this.#gpu, image); // planes that no cut writes
    runOnce(this.#gpu, this.#cuts(jobs));
    this.#networks.run((channels) => runOnce(this.#gpu, this.#sums(jobs, channels)));
  }

  #cuts(jobs: readonly Job[]): Launch[] {
    const { image: windows } = this.#networks;
    const [depth] = this.#size;
    return jobs.flatMap(({ origin, mirrored }, item) =>
      this.#ring.channels.flatMap((volume, channel) =>
        cutWindow(this.#gpu, { volume, depth, origin, mirrored, windows, item, channel }),
      ),
    );
  }

  #sums(jobs: readonly Job[], channels: ClassGroup): Launch[] {
    const { logits } = this.#networks;
    const { left, logits: volume } = this.#slab;
    const weights = 'map' in this.#weights ? { ...this.#weights, left } : this.#weights;
    const call = { logits, volume, channels, depth: this.#size[0], weights };
    return jobs.flatMap(({ origin: [z, y, x], mirrored, weightsAt }, item) =>
      accumulateWindow(this.#gpu, { ...call, item, origin: [z, y, x - left], mirrored, weightsAt }),
    );
  }

  close(): void {
    this.#slab.close();
    this.#ring.close();
    const weights = 'map' in this.#weights ? [this.#weights.map, this.#weights.windows] : [this.#weights];
    release(this.#gpu, ...weights);
    if (this.#confidence) release(this.#gpu, this.#confidence);
    this.#peek?.close();
  }
}
