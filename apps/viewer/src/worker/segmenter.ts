/** The model that is open in the worker, and what it makes of scans. */
import { CapTooSmallError, MemoryPlanner } from '@organseg/core/inference/memoryPlan.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { labelColour, organLabels } from '@organseg/core/organs.ts';
import { namesById, structuresOf } from '@organseg/core/regions.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { keepLargestComponent } from '@organseg/core/volume/components.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { learningSettings } from '@organseg/train/learn/learningSettings.ts';
import { doubtsInWords, trustIn } from '@organseg/train/predict/calibration.ts';
import { requestOfGrid } from '@organseg/train/predict/caseStreams.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { Predictor } from '@organseg/train/predict/predictor.ts';
import type { ModelFacts, NamedFile, News, ShownLabels, ShownOrgan, ShownPlan } from '../protocol.ts';
import { labelledScan } from './labelledScan.ts';
import { readChannels } from './scanFiles.ts';
import { niftiOf } from './shownVolumes.ts';

/** What activations are stored in, so that labels are those of `predict --dtype f32` on any GPU. */
const DTYPE = 'f32';

/** How a request tells how far it is, and learns that it was cancelled. */
export interface Watch {
  readonly signal: AbortSignal;
  tell(news: News): void;
}

/** Tells how much of a file is read, until the request is cancelled. */
export const reading =
  ({ signal, tell }: Watch, stage: string, whole?: News['whole']) =>
  (share: number): void => {
    signal.throwIfAborted();
    tell({ stage, share, ...(whole && { whole }) });
  };

/** Whether a model has learnt anything: a plan has no weights yet. */
export const hasLearnt = ({ weights }: Model): boolean => weights.length > 0;

export class Segmenter {
  readonly model: Model;
  readonly #owner: GpuOwner;
  #predictor: { readonly capBytes: number; readonly open: Predictor } | undefined;

  constructor(owner: GpuOwner, model: Model) {
    this.#owner = owner;
    this.model = model;
  }

  facts(name: string, kind: string): ModelFacts {
    const { channelNames, network, weights } = this.model;
    return {
      name,
      kind,
      channelNames,
      organs: this.#organs,
      bytes: 4 * networkLayout(network).count * Math.max(1, weights.length),
      cannotLearn: this.#cannotLearn,
    };
  }

  get #cannotLearn(): string | undefined {
    try {
      learningSettings(this.model, 1);
      return undefined;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.message;
    }
  }

  get #organs(): ShownOrgan[] {
    const { labelNames, regions } = this.model;
    const names = namesById(labelNames, regions);
    return structuresOf(labelNames, regions).map(({ label, name, ids }) => ({
      label,
      name: names[label]!,
      region: regions && { name, ids },
      colour: labelColour(label),
    }));
  }

  /** The most that a scan takes within a cap, or the least that would do. */
  plan(shape: Xyz, spacingMm: Xyz, capBytes: number): ShownPlan {
    const { network, patch, weights, windowStep, mirrorAxes } = this.model;
    const planner = new MemoryPlanner(this.#owner.gpu, {
      network,
      patch,
      activation: DTYPE,
      models: weights.length,
    });
    const grid = { shape, affine: scaleAndShift(spacingMm, [0, 0, 0]) };
    const request = {
      ...requestOfGrid(grid, this.model, 'logits'),
      windowStep,
      mirrorAxes,
      confidence: true,
    };
    try {
      return { bytes: planner.mostBytes(request, capBytes), fits: true };
    } catch (error) {
      if (!(error instanceof CapTooSmallError)) throw error;
      return { bytes: error.smallestBytes, fits: false };
    }
  }

  async segment(
    files: readonly NamedFile[],
    capBytes: number,
    { signal, tell }: Watch,
  ): Promise<ShownLabels> {
    const { labelNames, channelNames } = this.model;
    const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
    const whole = { amount: bytes / 1e6, unit: 'MB' };
    const channels = await readChannels(
      files,
      channelNames,
      reading({ signal, tell }, 'reading the scan', whole),
    );
    const [scan] = channels;
    tell({ stage: 'making the network ready', share: 0 });
    const predictor = await this.#opened(capBytes);
    const voxels = scan.data.length / 1e6;
    const prediction = await predictor.predict(
      { channels, spacingMm: statedSpacingMm(scan.header.space) },
      {
        signal,
        onShare: (share) =>
          tell({ stage: 'segmenting', share, whole: { amount: voxels, unit: 'million voxels' } }),
      },
    );
    signal.throwIfAborted();
    tell({ stage: 'writing the label map', share: 0 });
    const { labels, report } = prediction;
    const { calibration } = this.model;
    if (calibration?.keepsLargest) keepLargestComponent(labels, organLabels(labelNames));
    const trust = trustIn(prediction, labelNames, calibration);
    const shown = await labelledScan(scan, labels, this.#organs, channelNames);
    return {
      ...shown,
      voxels: niftiOf(scan).voxels,
      figures: shown.figures.map((figures, label) => {
        const sure = trust.find(({ name }) => name === labelNames[label]);
        const { probability, expectedDsc, doubt } = sure ?? {};
        return { ...figures, probability, expectedDsc, doubt };
      }),
      doubts: calibration && doubtsInWords(trust, calibration),
      seconds: report.seconds,
      peakGpuBytes: report.peakGpuBytes,
      fallback: report.fallback,
    };
  }

  /** The predictor within a cap, kept until another one is asked for. */
  async #opened(memoryCapBytes: number): Promise<Predictor> {
    if (this.#predictor?.capBytes !== memoryCapBytes) {
      this.close();
      const open = await Predictor.open(this.#owner, this.model, {
        dtype: DTYPE,
        memoryCapBytes,
        confidence: true,
      });
      this.#predictor = { capBytes: memoryCapBytes, open };
    }
    return this.#predictor.open;
  }

  close(): void {
    this.#predictor?.open.close();
    this.#predictor = undefined;
  }
}
