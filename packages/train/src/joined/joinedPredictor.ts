/**
 * Several models on one scan, whose labels are joined into one label map: each part's labels become joined ones by a
 * table, later parts over earlier ones. One model at a time is on the GPU, so that many take no more memory than one.
 */
import { InputError } from '@organseg/core/inputError.ts';
import { croppedGrid } from '@organseg/core/volume/crop.ts';
import type { Volume, Xyz } from '@organseg/core/volume/volume.ts';
import { unzoomLabels, zoomScan } from '@organseg/core/volume/zoom.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { CaseReport } from '../predict/caseReport.ts';
import type { GpuOwner } from '../predict/loadedModel.ts';
import type { Model } from '../predict/model.ts';
import {
  type CasePrediction,
  type CaseScan,
  type PredictHooks,
  Predictor,
  type PredictorOptions,
  type Segmenter,
} from '../predict/predictor.ts';
import { type Piece, type Planes, whole } from './thirds.ts';

/** A model and what its labels become, by label. */
export interface JoinedPart {
  readonly model: Model;
  readonly lookup: Uint8Array;
}

export interface JoinRequest {
  readonly parts: readonly JoinedPart[];
  /** The names of the joined labels, background first. */
  readonly labelNames: readonly string[];
  /** Spacing of the grid that scans are brought to before any model sees them, see `volume/zoom.ts`. */
  readonly zoomMm?: Xyz | undefined;
  /** The pieces that a scan of a shape is done in, on that grid; one unless given. */
  readonly piecesOf?: ((shape: Xyz) => readonly Piece[]) | undefined;
}

export class JoinedPredictor implements Segmenter {
  readonly labelNames: readonly string[];
  readonly #owner: GpuOwner;
  readonly #request: JoinRequest;
  readonly #options: PredictorOptions;
  /** The predictor of the part that was at work last. */
  #open: { readonly part: JoinedPart; readonly predictor: Predictor } | undefined;

  constructor(owner: GpuOwner, request: JoinRequest, options: PredictorOptions) {
    this.labelNames = request.labelNames;
    this.#owner = owner;
    this.#request = request;
    this.#options = options;
  }

  async #predictorOf(part: JoinedPart): Promise<Predictor> {
    if (this.#open?.part !== part) {
      this.close();
      const predictor = await Predictor.open(this.#owner, part.model, this.#options);
      this.#open = { part, predictor };
    }
    return this.#open!.predictor;
  }

  get channelNames(): readonly string[] {
    return this.#request.parts[0]!.model.channelNames;
  }

  async predict(
    scan: CaseScan,
    { onShare, onPlan, probabilities }: PredictHooks = {},
  ): Promise<CasePrediction> {
    if (probabilities) throw new InputError('probabilities are of one model, not of joined ones');
    const { parts, zoomMm, piecesOf = whole } = this.#request;
    const [own] = scan.channels as [Volume];
    const seen: CaseScan = zoomMm
      ? { channels: scan.channels.map((channel) => zoomScan(channel, zoomMm)), spacingMm: zoomMm }
      : scan;
    const [grid] = seen.channels as [Volume];
    const joined = new Uint8Array(grid.data.length);
    const made: Pick<CasePrediction, 'report' | 'confidence'>[] = [];
    const pieces = piecesOf(grid.shape);
    for (const part of parts) {
      const predictor = await this.#predictorOf(part);
      for (const piece of pieces) {
        const before = made.length;
        const share = (done: number) => onShare?.((before + done) / (parts.length * pieces.length));
        const prediction = await predictor.predict(planesOf(seen, piece.seen), { onShare: share, onPlan });
        writeOver(joined, prediction.labels, piece, part.lookup);
        made.push({ report: prediction.report, confidence: prediction.confidence });
      }
    }
    const labels = { shape: grid.shape, affine: grid.affine, data: joined };
    return {
      labels: zoomMm ? unzoomLabels(labels, own) : labels,
      voxels: countsOf(joined, this.labelNames.length),
      confidence: made.length === 1 ? made[0]!.confidence : null,
      report: joinedReport(made.map(({ report }) => report)),
    };
  }

  close(): void {
    this.#open?.predictor.close();
    this.#open = undefined;
  }
}

/** Planes of a scan, which share its voxels. */
function planesOf({ channels, spacingMm }: CaseScan, [from, to]: Planes): CaseScan {
  const cut = (channel: Volume): Volume => {
    const [nx, ny] = channel.shape;
    return {
      ...croppedGrid(channel, { min: [0, 0, from], max: [nx, ny, to] }),
      data: channel.data.subarray(nx * ny * from, nx * ny * to),
    };
  };
  return { channels: channels.map(cut), spacingMm };
}

/** Writes what the kept ones of a piece's labels become, but for background, over the labels of all pieces. */
function writeOver(
  joined: Uint8Array,
  { shape: [nx, ny], data }: Volume<Uint8Array>,
  { seen, kept }: Piece,
  lookup: Uint8Array,
): void {
  const plane = nx * ny;
  for (let to = plane * kept[0], from = plane * (kept[0] - seen[0]); to < plane * kept[1]; to++, from++) {
    const becomes = data[from] === IGNORED ? IGNORED : lookup[data[from]];
    if (becomes) joined[to] = becomes;
  }
}

function countsOf(labels: Uint8Array, classes: number): number[] {
  const counts = new Array<number>(256).fill(0);
  for (const label of labels) counts[label]++;
  return counts.slice(0, classes);
}

/** The parts' reports as one: sums of time and windows, peaks of memory; what cannot be joined is the last part's. */
function joinedReport(reports: readonly CaseReport[]): CaseReport {
  const sum = (of: (report: CaseReport) => number) => reports.reduce((total, each) => total + of(each), 0);
  const most = (of: (report: CaseReport) => number) => Math.max(...reports.map(of));
  const stages = new Set(reports.flatMap((report) => Object.keys(report.stages)));
  const thousandths = (seconds: number) => Math.round(1000 * seconds) / 1000;
  return {
    ...reports.at(-1)!,
    seconds: thousandths(sum(({ seconds }) => seconds)),
    stages: Object.fromEntries(
      [...stages].map((name) => [name, thousandths(sum((report) => report.stages[name] ?? 0))]),
    ),
    fallback: reports.find(({ fallback }) => fallback !== null)?.fallback ?? null,
    retries: reports.flatMap(({ retries }) => retries),
    plannedGpuBytes: most(({ plannedGpuBytes }) => plannedGpuBytes),
    peakGpuBytes: most(({ peakGpuBytes }) => peakGpuBytes),
    windows: {
      all: sum(({ windows }) => windows.all),
      air: sum(({ windows }) => windows.air),
      early: sum(({ windows }) => windows.early),
    },
  };
}
