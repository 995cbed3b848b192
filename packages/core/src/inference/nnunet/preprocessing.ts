/** What nnU-Net's plans say of how a scan becomes what its networks see, and of how logits go back to the scan. */
import type { Dhw } from '@organseg/kernels/axes.ts';

/** What becomes of a channel's intensities, before it is resampled; the schemes are named as nnU-Net names them. */
export type Normalisation =
  | {
      /** Clipped to [low, high], then minus the mean, by the deviation: the training set's, not the scan's. */
      readonly scheme: 'CTNormalization';
      readonly low: number;
      readonly high: number;
      readonly mean: number;
      readonly std: number;
    }
  | {
      /** Minus the scan's own mean, by its deviation; where `useMask`, those of its voxels that are not background. */
      readonly scheme: 'ZScoreNormalization';
      readonly useMask: boolean;
    }
  | {
      /** The scan's own minimum and maximum become 0 and 1. */
      readonly scheme: 'RescaleTo01Normalization';
    }
  | {
      /** 0 to 255 become 0 to 1. */
      readonly scheme: 'RGBTo01Normalization';
    }
  | { readonly scheme: 'NoNormalization' };

/** How one grid's values are interpolated on another: nnU-Net's `resample_data_or_seg_to_shape`, with edges repeated. */
export interface Resampler<Order extends 0 | 1 | 3 = 0 | 1 | 3> {
  /** The spline's order: 0 nearest, 1 linear, 3 cubic. */
  readonly order: Order;
  /** The order along the coarse axis where that is resampled by itself. */
  readonly orderZ: 0;
  /** Whether the coarse axis is resampled by itself; null: where the spacing says so. */
  readonly forceSeparateZ: boolean | null;
  /** A spacing is coarse along one axis where its largest is more than this many times its smallest. */
  readonly separateZThreshold: number;
}

/** How one configuration of a model prepares scans and takes logits back. */
export interface NnunetPreprocessing {
  /** Whether scans are turned to RAS+ first; else their arrays are taken as they lie. */
  readonly reorient: boolean;
  /** Which of the axes z, y, x of the (turned) array become the tensor's D, H and W: `transpose_forward`. */
  readonly transposeForward: readonly [number, number, number];
  /** Spacing of the network's grid. */
  readonly spacingMm: Dhw;
  /** By channel. */
  readonly channels: readonly Normalisation[];
  readonly dataResampling: Resampler;
  readonly logitsResampling: Resampler<0 | 1>;
}
