/**
 * A run's network on whole scans: prepared, segmented by sliding window, and brought back to the scan's own grid.
 */
import { prepareScan, restoreLabels } from '@organseg/core/inference/preprocess.ts';
import { SlidingWindow } from '@organseg/core/inference/slidingWindow.ts';
import { InputError } from '@organseg/core/inputError.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import type { NiftiSpace } from '@organseg/core/volume/niftiSpace.ts';
import type { Triple, Volume } from '@organseg/core/volume/volume.ts';
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { release, type Tensor } from '@organseg/kernels/tensor.ts';
import { z } from 'zod';
import { loadParameters } from './checkpoint.ts';
import { preprocessingOf, unetConfig } from './config.ts';
import { readNiftiFile } from './files.ts';
import { bestCheckpoint, parameterLayout, type RunDescription, readRun } from './run.ts';

export interface PredictorOptions {
  /** Of the network's grid, instead of the run's. */
  readonly spacingMm?: Triple | undefined;
  /** Share of a patch between windows, instead of the run's. */
  readonly step?: number | undefined;
  readonly dtype?: ActivationType;
  readonly signal?: AbortSignal | undefined;
}

export interface CasePrediction {
  /** On the scan's own grid. */
  readonly labels: Volume<Uint8Array>;
  /** Voxels of each class on the network's grid. */
  readonly voxels: readonly number[];
  readonly report: CaseReport;
}

const triple = z.tuple([z.number(), z.number(), z.number()]).readonly();

export const caseReport = z.object({
  seconds: z.number(),
  /** Of the grid that the network saw. */
  spacingMm: triple,
  networkShape: triple,
  /** Why a coarser grid than asked for was used; null where it was not. */
  fallback: z.string().nullable(),
  peakGpuBytes: z.number(),
  nonFiniteVoxels: z.number(),
});
export type CaseReport = z.infer<typeof caseReport>;

/** Gao 2022: where the memory does not suffice, 2 mm. */
const FALLBACK_MM: Triple = [2, 2, 2];

export class Predictor {
  readonly run: RunDescription;
  readonly #gpu: Gpu;
  readonly #options: PredictorOptions;
  readonly #parameters: Tensor;
  readonly #network: SlidingWindow;

  static async open(gpu: Gpu, folder: string, options: PredictorOptions = {}): Promise<Predictor> {
    const run = await readRun(folder);
    const layout = parameterLayout(run.config);
    const values = await loadParameters(bestCheckpoint(folder), layout.specs);
    const parameters = layout.allocate(gpu);
    layout.upload(gpu, parameters, values);
    const network = new SlidingWindow(
      gpu,
      unetConfig(run.config),
      { layout, parameters, activation: options.dtype ?? 'f32' },
      {
        patch: run.config.patch,
        step: options.step ?? run.config.windowStep,
        signal: options.signal,
      },
    );
    return new Predictor(gpu, run, options, parameters, network);
  }

  private constructor(
    gpu: Gpu,
    run: RunDescription,
    options: PredictorOptions,
    parameters: Tensor,
    network: SlidingWindow,
  ) {
    this.#gpu = gpu;
    this.run = run;
    this.#options = options;
    this.#parameters = parameters;
    this.#network = network;
  }

  /**
   * Segments a scan in HU; voxels that are not finite become air, in place. `onWindow` is called with the share
   * that is done.
   */
  async predict(scan: Volume, onWindow?: (share: number) => void): Promise<CasePrediction> {
    const spacing = this.#options.spacingMm ?? this.run.config.spacingMm;
    try {
      return await this.#predictAt(scan, spacing, null, onWindow);
    } catch (error) {
      const coarser = spacing.some((mm, axis) => mm < FALLBACK_MM[axis]);
      if (!(error instanceof OutOfGpuMemoryError) || !coarser) throw error;
      return await this.#predictAt(scan, FALLBACK_MM, error.message, onWindow);
    }
  }

  /** Reads and segments a scan. Why this one alone could not be is returned, with its path; all else is thrown. */
  async predictFile(
    path: string,
    onWindow?: (share: number) => void,
  ): Promise<(CasePrediction & { readonly space: NiftiSpace }) | { readonly fault: string }> {
    try {
      const scan = await readNiftiFile(path);
      return { ...(await this.predict(scan, onWindow)), space: scan.header.space };
    } catch (error) {
      if (error instanceof InputError) return { fault: error.message };
      if (error instanceof OutOfGpuMemoryError) return { fault: `${path}: ${error.message}` };
      throw error;
    }
  }

  async #predictAt(
    scan: Volume,
    spacingMm: Triple,
    fallback: string | null,
    onWindow?: (share: number) => void,
  ): Promise<CasePrediction> {
    const started = performance.now();
    this.#gpu.arena.trim(); // what earlier cases left for reuse is not this one's
    this.#gpu.arena.resetPeaks();
    const { image, geometry, nonFiniteVoxels } = await prepareScan(this.#gpu, scan, {
      ...preprocessingOf(this.run.config),
      spacingMm,
    });
    const segmented = await this.#network.labels(image, onWindow);
    const voxels = new Array<number>(this.run.config.classes).fill(0);
    for (const label of segmented.data) voxels[label]++;
    const labels = restoreLabels(segmented, geometry);
    const report = {
      seconds: Math.round(performance.now() - started) / 1000,
      spacingMm,
      networkShape: image.shape,
      fallback,
      peakGpuBytes: this.#gpu.arena.account.peakHeldBytes,
      nonFiniteVoxels,
    };
    return { labels, voxels, report };
  }

  close(): void {
    this.#network.close();
    release(this.#gpu, this.#parameters);
  }
}
