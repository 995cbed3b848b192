/** What the page asks of its worker, and what it gets: one answer to each request, and news while it waits. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import type { Region, Structure } from '@organseg/core/regions.ts';

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
  /** Why it cannot learn from a corrected scan; undefined where it can. */
  readonly cannotLearn?: string | undefined;
  /** What learning takes of the GPU's memory, of a plan, which has learnt nothing yet; undefined of other models. */
  readonly learningBytes?: number | undefined;
}

export interface ShownOrgan {
  readonly label: number;
  /** What the label's voxels are. */
  readonly name: string;
  /** What its figures and scores are of, where that is a region: other labels' voxels may belong to it too. */
  readonly region?: Pick<Structure, 'name' | 'ids'> | undefined;
  /** Red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** A volume to be looked at: the two parts of a .nii, so that its voxels are handed on and not copied. */
export interface NiftiParts {
  /** The 348 bytes of the header, and the four behind it. */
  readonly header: ArrayBuffer;
  readonly voxels: ArrayBuffer;
}

/** A scan, to be looked at. */
export interface ShownScan {
  readonly name: string;
  readonly shape: readonly number[];
  readonly spacingMm: readonly number[];
  readonly nifti: NiftiParts;
  /** What is doubtful of it, a sentence each. */
  readonly doubts: readonly string[];
}

/** What a scan will take of the GPU's memory: at most so much, or at least where that does not fit. */
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

/** A label map, to be looked at. */
export interface LabelPictures {
  /** On the scan's grid. */
  readonly nifti: NiftiParts;
  /** Of fewer voxels, for 3D. */
  readonly coarse: NiftiParts;
}

/** The label map of a scan. */
export interface LabelledScan {
  readonly pictures: LabelPictures;
  /** The .nii.gz that `predict` would write. */
  readonly file: Blob;
  /** By label, background first. */
  readonly figures: readonly OrganFigures[];
}

/** A scan that was segmented. */
export interface ShownLabels extends LabelledScan {
  /** The scan's voxels, as they are looked at. */
  readonly voxels: ArrayBuffer;
  readonly seconds: number;
  readonly peakGpuBytes: number;
  /** Which organs are not to be trusted, in words. */
  readonly doubts?: string | undefined;
  /** Why a coarser grid than the model's was used; null where it was not. */
  readonly fallback: string | null;
}

/** A label map, of this page or made elsewhere. */
export interface Prediction {
  /** Whose it is. */
  readonly name: string;
  readonly files: readonly NamedFile[];
  /** The names of its labels from 1 on; undefined where its file says them, or those of what it is compared with are meant. */
  readonly organs: readonly string[] | undefined;
  /** What is scored in place of labels, under these names, in the labels' order; undefined where labels are. */
  readonly regions?: readonly (Region & { readonly name: string })[] | undefined;
}

/** Two predictions of one scan, compared. */
export interface Differences {
  /** The second one, by the labels of the first. */
  readonly nifti: NiftiParts;
  /** 1 where the two differ. */
  readonly differences: NiftiParts;
  /** The number of those voxels, and their volume. */
  readonly voxels: number;
  readonly volumeMl: number;
  /** The organs that are in both, in the first one's order. */
  readonly organs: readonly {
    readonly name: string;
    /** In the first, and in the second. */
    readonly volumesMl: readonly [number, number];
    /** Null where both lack it. */
    readonly dsc: number | null;
  }[];
  /** What the user should know of how organs were matched; empty where nothing. */
  readonly note: string;
}

export interface LearningRequest {
  readonly scan: readonly NamedFile[];
  /** The corrected label map of the scan, a .nii.gz. */
  readonly labels: Blob;
  /** The least number of steps. */
  readonly steps: number;
  readonly capBytes: number;
  /** What the model that is made is called. */
  readonly name: string;
}

/** A model that has learnt: the folder of a run. */
export interface LearntModel {
  readonly files: readonly NamedFile[];
  /** What of the model that it started from the user should know. */
  readonly notes: readonly string[];
}

export interface KeptModel {
  readonly name: string;
  readonly bytes: number;
}

/** The requests by name: arguments, and the answer. */
export interface Requests {
  openGpu: { args: []; answer: GpuFacts };
  openModel: { args: [files: readonly NamedFile[], name?: string]; answer: ModelFacts };
  keepModel: { args: [name: string, files: readonly NamedFile[]]; answer: readonly KeptModel[] };
  keptModels: { args: []; answer: readonly KeptModel[] };
  filesOfKept: { args: [name: string]; answer: readonly NamedFile[] };
  deleteKept: { args: [name: string]; answer: readonly KeptModel[] };
  showScan: { args: [files: readonly NamedFile[]]; answer: ShownScan };
  plan: {
    args: [shape: readonly number[], spacingMm: readonly number[], capBytes: number];
    answer: ShownPlan;
  };
  /** `labels` is a .nii.gz of this page. */
  showLabels: { args: [labels: Blob]; answer: LabelPictures };
  segment: { args: [files: readonly NamedFile[], capBytes: number]; answer: ShownLabels };
  /** `labels` are those of the scan's voxels, in their order. */
  correct: {
    args: [scan: readonly NamedFile[], labels: Uint8Array, model: ModelFacts];
    answer: LabelledScan;
  };
  /** A label map of the scan that was made elsewhere, by the model's labels; without one none of its voxels has a label. */
  takeLabels: {
    args: [scan: readonly NamedFile[], labels: readonly NamedFile[] | undefined, model: ModelFacts];
    answer: LabelledScan & {
      /** What the user should know of how organs were matched; empty where nothing. */
      readonly note: string;
    };
  };
  learn: { args: [request: LearningRequest]; answer: LearntModel };
  zip: { args: [files: readonly NamedFile[]]; answer: Blob };
  compare: { args: [prediction: Prediction, reference: readonly NamedFile[]]; answer: CaseScore };
  comparePredictions: { args: [first: Prediction, second: Prediction]; answer: Differences };
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
  /** Of a step of learning. */
  readonly loss?: number;
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
