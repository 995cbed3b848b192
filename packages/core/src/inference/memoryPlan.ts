/**
 * What a case will take of the GPU's memory, known before any is allocated: the same programs and buffers are made on
 * a GPU that only counts. From it follows how the case is done within a cap.
 */
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { InputError } from '../inputError.ts';
import { networkLayout } from '../network/network.ts';
import { headChannels, type NetworkConfig } from '../network/networkConfig.ts';
import type { ActivationType } from '../network/program.ts';
import { Networks } from './networks.ts';
import { SlabStream, type StreamPlan, type StreamRequest } from './slabStream.ts';
import { mirrorings, windowOrigins } from './windows.ts';

/** How networks are run. */
export interface NetworksPlan {
  /** Windows that the network sees at once. */
  readonly batch: number;
  /** Classes whose logits are computed together, see `Networks`. */
  readonly classesAtOnce: number;
}

/** How a case is done, and what that takes. */
export interface CasePlan extends StreamPlan, NetworksPlan {
  /** The most bytes that are held from the driver. */
  readonly peakBytes: number;
}

/** The most windows at once; more gain nothing, since one fills the GPU. */
const MOST_WINDOWS = 4;

/** The part of the cap that windows beyond the first leave to the driver, whose own memory nobody counts. */
const DRIVER_BYTES = 384 * 2 ** 20;

/** An allowance for uniforms and tables, which live for one submission and depend on the windows in it. */
const PASSING_BYTES = 2 ** 20;

/** One window of a case fits neither the cap nor, where no cap would help, the adapter. */
export class CapTooSmallError extends InputError {
  /** The smallest cap that holds one; infinite where the adapter has no such buffer. */
  readonly smallestBytes: number;

  constructor(capBytes: number, smallestBytes: number) {
    const wayOut = Number.isFinite(smallestBytes)
      ? `${Math.ceil(smallestBytes / 2 ** 20)} MiB can`
      : 'its buffers would be larger than the adapter allows';
    super(`${Math.floor(capBytes / 2 ** 20)} MiB of GPU memory cannot hold one window; ${wayOut}`);
    this.smallestBytes = smallestBytes;
  }
}

/** What memory depends on besides the case. */
export interface ModelShape {
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  readonly activation: ActivationType;
  /** The number of models whose logits are averaged. */
  readonly models: number;
}

/** Plans cases of one kind of model. */
export class MemoryPlanner {
  readonly #gpu: Gpu;
  readonly #shape: ModelShape;
  readonly #rehearsals = new Map<string, { gpu: Gpu; networks: Networks; bytes: number }>();

  constructor(gpu: Gpu, shape: ModelShape) {
    this.#gpu = gpu;
    this.#shape = shape;
  }

  /** The weights and the program that runs so, on a GPU that counts. */
  #rehearsed({ batch, classesAtOnce }: NetworksPlan) {
    const key = `${batch} ${classesAtOnce}`;
    let made = this.#rehearsals.get(key);
    if (!made) {
      const { network, patch, activation, models } = this.#shape;
      const gpu = this.#gpu.rehearsal();
      const layout = networkLayout(network);
      const parameters = layout.allocate(gpu);
      const networks = new Networks(
        gpu,
        network,
        { layout, parameters, activation },
        { patch, batch, classesAtOnce, weights: Array.from({ length: models }, () => new Map()) },
      );
      made = { gpu, networks, bytes: gpu.arena.account.peakHeldBytes };
      this.#rehearsals.set(key, made);
    }
    return made;
  }

  /** The most bytes that are held while a case is done this way; infinite where the adapter has no such buffer. */
  peakBytes(request: StreamRequest, plan: StreamPlan & NetworksPlan): number {
    try {
      const { gpu, networks, bytes } = this.#rehearsed(plan);
      gpu.arena.trim();
      gpu.arena.resetPeaks();
      const stream = gpu.arena.attempt(() => new SlabStream(gpu, networks, request, plan));
      const { peakHeldBytes } = gpu.arena.account;
      stream.close();
      return Math.max(bytes, peakHeldBytes) + PASSING_BYTES;
    } catch (error) {
      if (error instanceof OutOfGpuMemoryError) return Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  /**
   * The plan that uses the cap best: the fewest strips, the slab's logits in f32 rather than f16, a window's of all
   * classes at once rather than by groups, then as many windows at once as fit beside the driver's own memory. Throws
   * CapTooSmallError.
   */
  plan(request: StreamRequest, capBytes: number, mostWindows = MOST_WINDOWS): CasePlan {
    const base = this.#narrowest(request, capBytes);
    const { patch } = this.#shape;
    const jobs = this.#jobs(request);
    let best: CasePlan = base;
    // A further window takes at least its logits in f16: a batch that cannot hold those is not tried.
    const perWindow = base.classesAtOnce * patch.reduce((a, b) => a * b, 1) * 2;
    for (let most = 2; most <= Math.min(mostWindows, jobs); most++) {
      if (best.peakBytes + perWindow > capBytes - DRIVER_BYTES) break;
      const batch = Math.ceil(jobs / Math.ceil(jobs / most)); // as many batches, but even ones
      if (batch <= best.batch) continue;
      const peakBytes = this.peakBytes(request, { ...base, batch });
      if (peakBytes > capBytes - DRIVER_BYTES) break;
      best = { ...base, batch, peakBytes };
    }
    return best;
  }

  /**
   * The most bytes that the case takes within a cap, whatever part of it turns out to be air and is left out: of fewer
   * windows more may be done at once, and in a way that takes more. Throws CapTooSmallError where all of it cannot be done.
   */
  mostBytes(request: StreamRequest, capBytes: number): number {
    const { peakBytes: narrowest, ...way } = this.#narrowest(request, capBytes);
    const [best] = this.#ways(request);
    if (way.strips > 1 || way.logits !== best!.logits || way.classesAtOnce !== best!.classesAtOnce)
      return capBytes;
    const batch = Math.min(MOST_WINDOWS, this.#jobs(request));
    return Math.min(this.peakBytes(request, { ...way, batch }), Math.max(narrowest, capBytes - DRIVER_BYTES));
  }

  /** The windows of a slab, which can be done at once. */
  #jobs({ size, windowStep, mirrorAxes = [] }: StreamRequest): number {
    const [, rows, columns] = size.map((n, axis) => windowOrigins(n, this.#shape.patch[axis]!, windowStep));
    return rows!.length * columns!.length * mirrorings(mirrorAxes).length;
  }

  /** The plan of one window at once with the fewest strips. Throws CapTooSmallError. */
  #narrowest(request: StreamRequest, capBytes: number): CasePlan {
    const width = request.size[2];
    // Of strips as narrow as half a patch each window is in three; of a quarter, in five.
    const mostStrips = Math.max(1, Math.floor(width / (this.#shape.patch[2] / 4)));
    const ways = this.#ways(request);
    const fits = (bytes: number) => bytes <= capBytes && bytes < Number.POSITIVE_INFINITY;
    let smallest = Number.POSITIVE_INFINITY;
    for (let strips = 1; strips <= mostStrips; strips++) {
      const peak = (way: (typeof ways)[number]) => this.peakBytes(request, { ...way, strips });
      const least = peak(ways.at(-1)!);
      smallest = Math.min(smallest, least);
      if (!fits(least)) continue;
      for (const way of ways) {
        const peakBytes = peak(way);
        if (fits(peakBytes)) return { ...way, strips, peakBytes };
      }
    }
    throw new CapTooSmallError(capBytes, smallest);
  }

  /**
   * The ways to hold logits in one window at once, from the best to the one that takes least. A window's are of all
   * classes, or of as many as the last layer's input has channels: of fewer would save nothing, since they lie where
   * earlier features were.
   */
  #ways({ skipEarly }: StreamRequest) {
    const { network } = this.#shape;
    const few = headChannels(network);
    const groups = skipEarly || network.classes <= few ? [network.classes] : [network.classes, few];
    const types = this.#gpu.hasF16 ? (['f32', 'f16'] as const) : (['f32'] as const);
    return types.flatMap((logits) =>
      groups.map((classesAtOnce) => ({ logits, classesAtOnce, batch: 1 }) as const),
    );
  }
}
