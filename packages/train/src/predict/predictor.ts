/**
 * A run's network on whole scans, or several runs' whose logits are averaged: cropped, resampled, segmented by sliding
 * window and brought back to the scan's own grid, slab by slab, within a cap of GPU memory.
 */

import type { CaseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import type { ProbabilityPlane } from '@organseg/core/inference/labelSlab.ts';
import { CapTooSmallError, type CasePlan, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import { Networks } from '@organseg/core/inference/networks.ts';
import {
  bodyOf,
  caseRequest,
  type ResampleBack,
  ScanLabels,
  ScanStream,
} from '@organseg/core/inference/scanStream.ts';
import { SlabStream, type StreamRequest } from '@organseg/core/inference/slabStream.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type ActivationType, fastestActivation } from '@organseg/core/network/program.ts';
import type { NiftiSpace } from '@organseg/core/volume/niftiSpace.ts';
import type { Volume, Xyz } from '@organseg/core/volume/volume.ts';
import { readNiftiFile } from '@organseg/files/nifti.ts';
import { GpuLostError } from '@organseg/kernels/arena.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { release, type Tensor } from '@organseg/kernels/tensor.ts';
import { parameterLayout, preprocessingOf, unetConfig } from '../config/network.ts';
import { ParametersFile } from '../run/checkpoint.ts';
import { bestCheckpoint, type RunDescription, readRun } from '../run/runFolder.ts';
import { attemptsAt, isMemoryFault, planAttempt } from './attempts.ts';
import { type CaseReport, Stopwatch } from './caseReport.ts';
import { assertAlike } from './runsAlike.ts';

/** Who opens the device, and another where it was lost, and closes it. */
export interface GpuOwner {
  /** The device at work. */
  readonly gpu: Gpu;
  /** Another device in place of the one that was lost. Throws where there is none. */
  reopen(): Promise<Gpu>;
}

export interface PredictorOptions {
  /** Of the network's grid, instead of the run's. */
  readonly spacingMm?: Xyz | undefined;
  /** Share of a patch between windows, instead of the run's. */
  readonly step?: number | undefined;
  /** What activations are stored in; f16 where a GPU has it, unless given. */
  readonly dtype?: ActivationType | undefined;
  /** Most GPU memory, everything counted; 2 GiB unless given. */
  readonly memoryCapBytes?: number | undefined;
  /** What goes back to the scan's grid; logits unless given. */
  readonly resample?: ResampleBack | undefined;
  /** Of x, y, z: along which mirrored windows are averaged in. */
  readonly mirror?: readonly ('x' | 'y' | 'z')[] | undefined;
  /** Leaves out windows around a middle one without foreground. */
  readonly skipEarly?: boolean | undefined;
  /** Whether predictions tell how sure they are. */
  readonly confidence?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told why an attempt failed, before the next one. */
  readonly onRetry?: ((why: string) => void) | undefined;
}

export interface PredictHooks {
  readonly onShare?: ((share: number) => void) | undefined;
  /** How the case is done, before it begins. */
  readonly onPlan?: ((plan: CasePlan) => void) | undefined;
  /** Takes probabilities plane by plane, where logits are resampled; asked for anew at each attempt. */
  readonly probabilities?: ((geometry: CaseGeometry) => (plane: ProbabilityPlane) => void) | undefined;
}

export interface CasePrediction {
  /** On the scan's own grid. */
  readonly labels: Volume<Uint8Array>;
  /** Voxels of each class on the network's grid. */
  readonly voxels: readonly number[];
  /** Means over the foreground on the network's grid; null where it is empty or was not asked for. */
  readonly confidence: { readonly probability: number; readonly entropy: number } | null;
  readonly report: CaseReport;
}

/** FLARE22's tolerance. */
export const DEFAULT_CAP_BYTES = 2 * 2 ** 30;

/** Of tensor axes D, H, W. */
const AXES = { x: 2, y: 1, z: 0 } as const;

export class Predictor {
  /** The first of the runs. */
  readonly run: RunDescription;
  readonly #options: PredictorOptions;
  readonly #weights: readonly ParametersFile[];
  readonly #layout: ParameterLayout;
  readonly #activation: ActivationType;
  readonly #planner: MemoryPlanner;
  readonly #owner: GpuOwner;
  #gpu: Gpu;
  #parameters: Tensor;
  /** Kept from case to case while the number of windows at once stays the same. */
  #networks: Networks | undefined;

  /** Of one run's folder, or of several with the same network and preprocessing. */
  static async open(
    owner: GpuOwner,
    folders: string | readonly string[],
    options: PredictorOptions = {},
  ): Promise<Predictor> {
    const [first, ...others] = typeof folders === 'string' ? [folders] : folders;
    const run = await readRun(first!);
    for (const other of others) assertAlike(run, first!, await readRun(other), other);
    const { specs } = parameterLayout(run.config);
    const weights: ParametersFile[] = [];
    try {
      for (const folder of [first!, ...others])
        weights.push(new ParametersFile(bestCheckpoint(folder), specs));
      return new Predictor(owner, run, options, weights);
    } catch (error) {
      for (const file of weights) file.close();
      throw error;
    }
  }

  private constructor(
    owner: GpuOwner,
    run: RunDescription,
    options: PredictorOptions,
    weights: readonly ParametersFile[],
  ) {
    const { config } = run;
    const { gpu } = owner;
    this.#owner = owner;
    this.#gpu = gpu;
    this.run = run;
    this.#options = options;
    this.#weights = weights;
    this.#layout = parameterLayout(config);
    this.#activation = options.dtype ?? fastestActivation(gpu);
    this.#planner = new MemoryPlanner(gpu, {
      network: unetConfig(config),
      patch: config.patch,
      activation: this.#activation,
      models: weights.length,
    });
    // A cap below one patch's need is refused before anything is allocated.
    this.#planner.plan({ size: config.patch, windowStep: 1 }, this.#capBytes);
    this.#parameters = this.#loadWeights();
    this.#networksFor(1); // the driver compiles it while the first scan is read
  }

  get #capBytes(): number {
    return this.#options.memoryCapBytes ?? DEFAULT_CAP_BYTES;
  }

  #loadWeights(): Tensor {
    const parameters = this.#layout.allocate(this.#gpu);
    this.#layout.upload(this.#gpu, parameters, this.#weights[0]!);
    return parameters;
  }

  /**
   * Segments a scan in HU; voxels that are not finite become air, in place. Where the driver has not the memory that
   * the cap allows, or loses the device, less is tried, then 2 mm. Throws what the last attempt failed of; the device
   * that is left serves the next scan.
   */
  async predict(scan: Volume, hooks: PredictHooks = {}): Promise<CasePrediction> {
    const stopwatch = new Stopwatch();
    const { rows, nonFiniteVoxels } = stopwatch.time('crop', () =>
      bodyOf(scan, preprocessingOf(this.run.config)),
    );
    const retries: string[] = [];
    const capBytes = this.#capBytes;
    let firstPeak: number | undefined;
    let fault: Error | undefined;
    for (const attempt of attemptsAt(this.#options.spacingMm ?? this.run.config.spacingMm)) {
      const { spacingMm, share, isFallback } = attempt;
      if (share < 1 && !isFallback && firstPeak === undefined) continue; // there is nothing to reduce
      if (fault) this.#options.onRetry?.(fault.message);
      const stream = new ScanStream(scan, rows, spacingMm);
      const request = this.#request(stream, hooks.probabilities !== undefined);
      try {
        const plan = stopwatch.time('plan', () =>
          planAttempt(this.#planner, request, attempt, { capBytes, firstPeak }),
        );
        firstPeak ??= plan.peakBytes;
        hooks.onPlan?.(plan);
        const made = await this.#stream(stream, request, plan, stopwatch, hooks);
        const report: CaseReport = {
          ...stopwatch.report(),
          spacingMm,
          networkShape: stream.geometry.network.shape,
          fallback: isFallback ? retries.at(-1)! : null,
          retries,
          plannedGpuBytes: plan.peakBytes,
          peakGpuBytes: this.#gpu.arena.account.peakHeldBytes,
          batch: plan.batch,
          strips: plan.strips,
          activations: this.#activation,
          logits: plan.logits,
          resample: this.#resample,
          windows: made.windows,
          nonFiniteVoxels,
        };
        const { labels, confidence } = made;
        return { labels: labels.volume, voxels: labels.voxels, confidence, report };
      } catch (error) {
        fault = await this.#memoryFault(error);
        await this.#recover(fault);
        retries.push(fault.message);
      }
    }
    throw fault!;
  }

  get #resample(): ResampleBack {
    return this.#options.resample ?? 'logits';
  }

  #request(stream: ScanStream, probabilities: boolean): StreamRequest {
    const { step, mirror = [], skipEarly = false } = this.#options;
    return {
      ...caseRequest(stream.geometry, preprocessingOf(this.run.config), this.#resample, probabilities),
      windowStep: step ?? this.run.config.windowStep,
      mirrorAxes: mirror.map((axis) => AXES[axis]),
      skipEarly,
      confidence: this.#options.confidence ?? false,
    };
  }

  async #stream(
    scan: ScanStream,
    request: StreamRequest,
    plan: CasePlan,
    stopwatch: Stopwatch,
    { onShare, probabilities }: PredictHooks,
  ) {
    const gpu = this.#gpu;
    const networks = stopwatch.time('plan', () => this.#networksFor(plan.batch));
    gpu.arena.trim(); // what earlier cases left for reuse is not this one's
    gpu.arena.resetPeaks();
    const takeShares = probabilities?.(scan.geometry);
    const labels = new ScanLabels(scan.geometry, this.run.config.classes, this.#resample);
    const stream = stopwatch.time('plan', () =>
      gpu.arena.attempt(() => new SlabStream(gpu, networks, request, plan)),
    );
    try {
      await gpu.finish(); // what could not be allocated is known before the work begins
      const windows = await stream.run(
        {
          readPlanes: (...range) => stopwatch.time('read', () => scan.readPlanes(...range)),
          hasBody: (from, to) => scan.hasBody(from, to),
        },
        {
          network: (block) => stopwatch.time('place', () => labels.network(block)),
          resampled: (block) => stopwatch.time('place', () => labels.resampled(block)),
          ...(takeShares && {
            probabilities: (plane) => stopwatch.time('probabilities', () => takeShares(plane)),
          }),
        },
        { signal: this.#options.signal, onShare },
      );
      const [voxels, probability, entropy] = (await stream.confidence()) ?? [0, 0, 0];
      const confidence = voxels ? { probability: probability / voxels, entropy: entropy / voxels } : null;
      return { labels, windows, confidence };
    } finally {
      stream.close();
    }
  }

  #networksFor(batch: number): Networks {
    if (this.#networks?.batch === batch) return this.#networks;
    this.#networks?.use(0); // with whose weights the next ones begin
    this.#networks?.close();
    this.#networks = undefined;
    this.#gpu.arena.trim();
    const { config } = this.run;
    const memory = { layout: this.#layout, parameters: this.#parameters, activation: this.#activation };
    const options = { patch: config.patch, batch, weights: this.#weights };
    this.#networks = this.#gpu.arena.attempt(
      () => new Networks(this.#gpu, unetConfig(config), memory, options),
    );
    return this.#networks;
  }

  /** An error that less memory or another device may cure; throws any other. */
  async #memoryFault(error: unknown): Promise<Error> {
    if (isMemoryFault(error)) return error;
    await this.#gpu.faultsTold(); // a lost device breaks what is waited for before it tells why
    if (this.#gpu.isLost) return new GpuLostError('the GPU device was lost');
    throw error;
  }

  /** Makes ready for another attempt: nothing that was made before the fault is trusted. Throws where no device is left. */
  async #recover(fault: Error): Promise<void> {
    if (fault instanceof CapTooSmallError) return;
    if (this.#gpu.isLost) {
      this.#gpu = await this.#owner.reopen();
    } else {
      this.#networks?.close();
      release(this.#gpu, this.#parameters);
      this.#gpu.arena.trim();
    }
    this.#networks = undefined;
    this.#parameters = this.#loadWeights();
  }

  /** Reads and segments a scan. Why this one alone could not be is returned, with its path; all else is thrown. */
  async predictFile(
    path: string,
    onShare?: (share: number) => void,
  ): Promise<(CasePrediction & { readonly space: NiftiSpace }) | { readonly fault: string }> {
    try {
      const scan = await readNiftiFile(path);
      return { ...(await this.predict(scan, { onShare })), space: scan.header.space };
    } catch (error) {
      if (isMemoryFault(error)) return { fault: `${path}: ${error.message}` };
      if (error instanceof InputError) return { fault: error.message };
      throw error;
    }
  }

  close(): void {
    this.#networks?.close();
    release(this.#gpu, this.#parameters);
    for (const file of this.#weights) file.close();
  }
}
