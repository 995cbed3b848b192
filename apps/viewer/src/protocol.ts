/** What the page asks of its worker, and what it gets: one answer to each request, and news while it waits. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';

/** A file that was dropped, chosen or kept, by its path from where that was done. */
export interface NamedFile {
  readonly path: string;
  readonly file: Blob;
}

/** The GPU of the page. */
export interface GpuFacts {
  readonly name: string;
  /** Whether it is a CPU that plays GPU. */
  readonly software: boolean;
}

export interface ModelFacts {
  readonly name: string;
  /** Whose it is, in words. */
  readonly kind: string;
  readonly channelNames: readonly string[];
  readonly organs: readonly ShownOrgan[];
  /** Parameters of its networks, all together. */
  readonly bytes: number;
}

export interface ShownOrgan {
  readonly label: number;
  readonly name: string;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** A scan, to be looked at. */
export interface ShownScan {
  readonly name: string;
  readonly shape: readonly number[];
  readonly spacingMm: readonly number[];
  /** A whole .nii. */
  readonly nifti: ArrayBuffer;
  /** What is doubtful of it, a sentence each. */
  readonly doubts: readonly string[];
}

/** What a scan will take of the GPU's memory. */
export interface ShownPlan {
  readonly bytes: number;
  readonly fits: boolean;
}

export interface OrganFigures {
  readonly voxels: number;
  readonly volumeMl: number;
  /** Null where the organ was not found, or the scan is no CT. */
  readonly meanHu: number | null;
  /** How sure the network is of what it called the organ; undefined where it cannot tell, or there is none. */
  readonly probability?: number | undefined;
  /** The DSC to be expected; undefined where the model has no calibration. */
  readonly expectedDsc?: number | undefined;
  /** Why it is not to be trusted. */
  readonly doubt?: string | undefined;
}

/** A scan that was segmented. */
export interface ShownLabels {
  /** A whole .nii on the scan's grid. */
  readonly nifti: ArrayBuffer;
  /** A whole .nii of fewer voxels, for 3D. */
  readonly coarse: ArrayBuffer;
  /** The .nii.gz that `predict` would write. */
  readonly file: Blob;
  /** By label, background first. */
  readonly figures: readonly OrganFigures[];
  readonly seconds: number;
  readonly peakGpuBytes: number;
  /** Which organs are not to be trusted, in words. */
  readonly doubts?: string | undefined;
  /** Why a coarser grid than the model's was used; null where it was not. */
  readonly fallback: string | null;
}

export interface KeptModel {
  readonly name: string;
  readonly bytes: number;
}

/** The requests by name: arguments, and the answer. */
export interface Requests {
  openGpu: { args: []; answer: GpuFacts };
  openModel: { args: [files: readonly NamedFile[]]; answer: ModelFacts };
  keepModel: { args: [name: string, files: readonly NamedFile[]]; answer: readonly KeptModel[] };
  keptModels: { args: []; answer: readonly KeptModel[] };
  openKept: { args: [name: string]; answer: ModelFacts };
  deleteKept: { args: [name: string]; answer: readonly KeptModel[] };
  showScan: { args: [files: readonly NamedFile[]]; answer: ShownScan };
  plan: {
    args: [shape: readonly number[], spacingMm: readonly number[], capBytes: number];
    answer: ShownPlan;
  };
  segment: { args: [files: readonly NamedFile[], capBytes: number]; answer: ShownLabels };
  compare: { args: [labels: Blob, reference: readonly NamedFile[]]; answer: CaseScore };
}
export type RequestName = keyof Requests;

/** How far a request is. */
export interface News {
  /** In words. */
  readonly stage: string;
  /** 0 to 1. */
  readonly share: number;
  /** What the whole stage has, for its rate, and in which unit. */
  readonly whole?: { readonly amount: number; readonly unit: string };
}

export type ToWorker =
  | { readonly id: number; readonly request: RequestName; readonly args: readonly unknown[] }
  | { readonly cancel: true };

export type FromWorker =
  | { readonly id: number; readonly news: News }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: Fault };

export interface Fault {
  readonly message: string;
  /** `input` is a file's fault, `memory` that of a device that was lost or is too small, `other` a bug. */
  readonly kind: 'input' | 'cancelled' | 'no GPU' | 'memory' | 'storage' | 'other';
}
