/**
 * The predictor: a model's network on whole scans, which are cropped, resampled, segmented by sliding window and brought
 * back to their own grid, slab by slab, within a cap of GPU memory.
 */
import { xyzOf } from '@organseg/core/inference/axes.ts';
import type { PlacedScan } from '@organseg/core/inference/caseGeometry.ts';
import type { LabelSink, ProbabilityPlane } from '@organseg/core/inference/labelSlab.ts';
import { type CasePlan, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import type { PlacedLabels, ResampleBack } from '@organseg/core/inference/scanStream.ts';
import { SlabStream, type StreamRequest } from '@organseg/core/inference/slabStream.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import type { Region } from '@organseg/core/regions.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { Volume, Xyz } from '@organseg/core/volume/volume.ts';
import { PSEUDO, stripPseudo } from '@organseg/kernels/codedLabels.ts';
import { orAborted } from '@organseg/kernels/orAborted.ts';
import { attemptsAt, attemptsOnOwnGrid, planAttempt } from './attempts.ts';
import { type CaseReport, Stopwatch } from './caseReport.ts';
import { type CaseStream, openCase } from './caseStreams.ts';
import { type GpuOwner, LoadedModel } from './loadedModel.ts';
import type { Model } from './model.ts';

export interface PredictorOptions {
  /** Spacing of the network's grid; the model's unless given. */
  readonly spacingMm?: Xyz | undefined;
  /** Step from one window to the next, as a share of the patch; the model's unless given. */
  readonly windowStep?: number | undefined;
  /** Type that activations are stored in; f16 on a GPU that has it, unless given. */
  readonly dtype?: ActivationType | undefined;
  /** Cap of GPU memory, everything counted; 2 GiB unless given. */
  readonly memoryCapBytes?: number | undefined;
  /** What goes back to the scan's grid; logits unless given. */
  readonly resample?: ResampleBack | undefined;
  /** Axes of the volume along which windows are mirrored too, and the logits averaged; the model's unless given. */
  readonly mirror?: readonly ('x' | 'y' | 'z')[] | undefined;
  /** Whether windows around a middle one without foreground are left out. */
  readonly skipEarly?: boolean | undefined;
  /** Whether predictions tell how sure they are. */
  readonly confidence?: boolean | undefined;
  /** The probability of each of the model's labels below which voxels become IGNORED; every label counts unless given. */
  readonly leastProbability?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told why an attempt failed, before the next one. */
  readonly onRetry?: ((why: string) => void) | undefined;
}

/** A scan: its channels on one grid, and the voxel size that its header states. */
export interface CaseScan {
  readonly channels: readonly Volume[];
  readonly spacingMm: Xyz;
}

/** A scan of one channel, whose voxel size is its affine's. */
export const caseScan = (volume: Volume): CaseScan => ({
  channels: [volume],
  spacingMm: spacingOf(volume.affine),
});

/** What a case's probabilities are of. */
export interface ProbabilityForm extends PlacedScan {
  readonly channels: number;
  /** Whether channels are regions that may overlap; else they are the labels. */
  readonly areRegions: boolean;
}

export interface PredictHooks {
  /** Told the share of the case that is done. */
  readonly onShare?: ((share: number) => void) | undefined;
  /** Stops this case, in place of the predictor's own signal. */
  readonly signal?: AbortSignal | undefined;
  /** Told how the case is done, and of how many classes the network is, before each attempt. */
  readonly onPlan?: ((plan: CasePlan, classes: number) => void) | undefined;
  /** Takes the mean logits of planes of the network's grid, [planes, H, W, classes], the first plane being `from`. */
  readonly logits?: LabelSink['logits'];
  /** Takes probabilities plane by plane, where logits are resampled; asked for anew at each attempt. */
  readonly probabilities?: ((of: ProbabilityForm) => (plane: ProbabilityPlane) => void) | undefined;
}

/** Largest probability and entropy (0 to 1), means over voxels on the network's grid. */
export interface Confidence {
  readonly probability: number;
  readonly entropy: number;
}

export interface CasePrediction {
  /** Label map on the scan's own grid. */
  readonly labels: Volume<Uint8Array>;
  /** Voxels of each class on the network's grid, without ignored ones. */
  readonly voxels: readonly number[];
  /** Over the whole foreground, and over each class; null where that is empty, or it was not asked for. */
  readonly confidence: (Confidence & { readonly byClass: readonly (Confidence | null)[] }) | null;
  readonly report: CaseReport;
}

/** What segments scans: a model, or several whose labels are joined. */
export interface Segmenter {
  /** The names of its labels, background first. */
  readonly labelNames: readonly string[];
  /** Which of them are regions that may overlap; undefined where none is. */
  readonly regions?: readonly Region[] | undefined;
  /** The names of the channels that it reads. */
  readonly channelNames: readonly string[];
  predict(scan: CaseScan, hooks?: PredictHooks): Promise<CasePrediction>;
  close(): void;
}

/** The GPU memory that FLARE22 tolerates. */
export const DEFAULT_CAP_BYTES = 2 * 2 ** 30;

/** The axis, 0 to 2 of D, H, W, that a volume's axis becomes. */
function tensorAxis({ preprocessing }: Model, axis: 'x' | 'y' | 'z'): number {
  const zyx = 'zyx'.indexOf(axis);
  return preprocessing.by === 'organseg' ? zyx : preprocessing.transposeForward.indexOf(zyx);
}

/** The means of sums over several classes; null without voxels. */
function confidenceOf(sums: readonly (readonly [number, number, number])[]): Confidence | null {
  const [voxels, probability, entropy] = [0, 1, 2].map((i) => sums.reduce((sum, own) => sum + own[i]!, 0));
  return voxels ? { probability: probability! / voxels, entropy: entropy! / voxels } : null;
}

export class Predictor implements Segmenter {
  readonly model: Model;
  readonly #options: PredictorOptions;
  readonly #loaded: LoadedModel;
  readonly #planner: MemoryPlanner;

  /**
   * The predictor of a model. Whoever opens it closes it. Throws InputError where weights are broken, CapTooSmallError
   * where the cap cannot hold one window.
   */
  static async open(owner: GpuOwner, model: Model, options: PredictorOptions = {}): Promise<Predictor> {
    const loaded = await LoadedModel.open(owner, model, options.dtype);
    try {
      return new Predictor(loaded, options);
    } catch (error) {
      loaded.close();
      throw error;
    }
  }

  private constructor(loaded: LoadedModel, options: PredictorOptions) {
    const { model } = loaded;
    this.model = model;
    this.#options = options;
    this.#loaded = loaded;
    this.#planner = new MemoryPlanner(loaded.gpu, {
      network: model.network,
      patch: model.patch,
      activation: loaded.activation,
      models: model.weights.length,
    });
    // A cap below one patch's need is refused before anything is allocated.
    const plan = this.#planner.plan({ size: model.patch, windowStep: 1 }, this.#capBytes, 1);
    loaded.networksFor(plan); // the driver compiles it while the first scan is read
  }

  get labelNames(): readonly string[] {
    return this.model.labelNames;
  }

  get regions(): readonly Region[] | undefined {
    return this.model.regions;
  }

  get channelNames(): readonly string[] {
    return this.model.channelNames;
  }

  get #capBytes(): number {
    return this.#options.memoryCapBytes ?? DEFAULT_CAP_BYTES;
  }

  /**
   * Segments a scan; voxels that are not finite become air, in place. Where the driver has not the memory that the cap
   * allows, or loses the device, less is tried, then, of our own models, 2 mm. Throws what the last attempt failed of;
   * the device that is left serves the next scan.
   */
  async predict(
    { channels, spacingMm: statedMm }: CaseScan,
    hooks: PredictHooks = {},
  ): Promise<CasePrediction> {
    const { preprocessing } = this.model;
    const stopwatch = new Stopwatch();
    const opened = stopwatch.time('crop', () => openCase(channels, statedMm, this.model, this.#resample));
    const { nonFiniteVoxels } = opened;
    const retries: string[] = [];
    const capBytes = this.#capBytes;
    let firstPeak: number | undefined;
    let fault: Error | undefined;
    const attempts =
      preprocessing.by === 'organseg'
        ? attemptsAt(this.#options.spacingMm ?? preprocessing.spacingMm)
        : attemptsOnOwnGrid(xyzOf(preprocessing.spacingMm));
    for (const attempt of attempts) {
      const { spacingMm, share, isFallback } = attempt;
      if (share < 1 && !isFallback && firstPeak === undefined) continue; // there is nothing to reduce
      if (fault) this.#options.onRetry?.(fault.message);
      const stream = opened.at(spacingMm, hooks.probabilities !== undefined);
      const request = this.#request(stream);
      try {
        const plan = stopwatch.time('plan', () =>
          planAttempt(this.#planner, request, attempt, { capBytes, firstPeak }),
        );
        firstPeak ??= plan.peakBytes;
        hooks.onPlan?.(plan, this.model.network.classes);
        const made = await this.#stream(stream, request, plan, stopwatch, hooks);
        const report: CaseReport = {
          ...stopwatch.report(),
          spacingMm,
          networkShape: stream.networkShape,
          fallback: isFallback ? retries.at(-1)! : null,
          retries,
          plannedGpuBytes: plan.peakBytes,
          peakGpuBytes: this.#loaded.gpu.arena.account.peakHeldBytes,
          batch: plan.batch,
          strips: plan.strips,
          classesAtOnce: plan.classesAtOnce,
          activations: this.#loaded.activation,
          logits: plan.logits,
          resample: this.#resample,
          windows: made.windows,
          nonFiniteVoxels,
        };
        return { ...this.#plain(made.labels), confidence: made.confidence, report };
      } catch (error) {
        fault = await this.#loaded.memoryFault(error);
        await this.#loaded.recover(fault);
        retries.push(fault.message);
      }
    }
    throw fault!;
  }

  get #resample(): ResampleBack {
    return this.#options.resample ?? 'logits';
  }

  #request({ request }: CaseStream): StreamRequest {
    const { windowStep, mirror, skipEarly = false, leastProbability } = this.#options;
    return {
      ...request,
      windowStep: windowStep ?? this.model.windowStep,
      mirrorAxes: mirror?.map((axis) => tensorAxis(this.model, axis)) ?? this.model.mirrorAxes,
      skipEarly,
      confidence: this.#options.confidence ?? false,
      least: leastProbability,
    };
  }

  /** Labels and their counts as they are handed out: classes, and IGNORED, where the network gave pseudo-labels. */
  #plain({ volume, voxels }: PlacedLabels): Pick<CasePrediction, 'labels' | 'voxels'> {
    const isCoded = this.#options.leastProbability !== undefined;
    if (isCoded) stripPseudo(volume.data);
    const counts = this.labelNames.map((_, label) => voxels[isCoded ? label | PSEUDO : label]!);
    return { labels: volume, voxels: counts };
  }

  async #stream(
    scan: CaseStream,
    request: StreamRequest,
    plan: CasePlan,
    stopwatch: Stopwatch,
    { onShare, signal = this.#options.signal, probabilities, logits }: PredictHooks,
  ) {
    const { gpu } = this.#loaded;
    const networks = stopwatch.time('plan', () => this.#loaded.networksFor(plan));
    gpu.arena.trim(); // what earlier cases left for reuse is not this one's
    gpu.arena.resetPeaks();
    const { network, regions } = this.model;
    const form = { ...scan.place, channels: network.classes, areRegions: regions !== undefined };
    const takeShares = probabilities?.(form);
    const labels = scan.labels();
    const stream = stopwatch.time('plan', () =>
      gpu.arena.attempt(() => new SlabStream(gpu, networks, request, plan)),
    );
    try {
      await orAborted(gpu.finish(), signal); // what could not be allocated is known before the work begins
      const windows = await stream.run(
        {
          readPlanes: (...range) => stopwatch.time('read', () => scan.source.readPlanes(...range)),
          hasBody: (from, to) => scan.source.hasBody(from, to),
        },
        {
          network: (block) => stopwatch.time('place', () => labels.network(block)),
          resampled: (block) => stopwatch.time('place', () => labels.resampled(block)),
          ...(logits && { logits }),
          ...(takeShares && {
            probabilities: (plane) => stopwatch.time('probabilities', () => takeShares(plane)),
          }),
        },
        { signal, onShare },
      );
      const sums = await stream.confidence();
      const foreground = sums && confidenceOf(sums);
      const confidence = foreground
        ? { ...foreground, byClass: sums.map((own) => confidenceOf([own])) }
        : null;
      return { labels, windows, confidence };
    } finally {
      stream.close();
    }
  }

  close(): void {
    this.#loaded.close();
  }
}
