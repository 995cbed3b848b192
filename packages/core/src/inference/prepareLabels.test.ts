/** Label maps on the network's grid: nnU-Net's own results, and a float64 twin on awkward shapes. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { reference } from '@organseg/kernels/reference/array.ts';
import { describe, expect, it, test } from 'vitest';
import { resampledLabels } from '../../test/twinNnunet.ts';
import { affineFromRows, scaleAndShift } from '../volume/affine.ts';
import { rasView } from '../volume/orientation.ts';
import { type Volume, voxelCount, type Xyz } from '../volume/volume.ts';
import { xyzOf } from './axes.ts';
import { caseGeometry } from './caseGeometry.ts';
import { nnunetGeometry } from './nnunet/geometry.ts';
import type { NnunetPreprocessing } from './nnunet/preprocessing.ts';
import { prepareLabels, prepareNnunetLabels } from './prepareLabels.ts';

const RESAMPLER = { order: 1, orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;

/** Labels 0 to 3: boxes of a few voxels, a quarter of their voxels at random. */
function labelsOf([D, H, W]: Dhw, seed: number): Uint8Array {
  return Uint8Array.from({ length: D * H * W }, (_, i) => {
    const [z, y, x] = [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W];
    const box = (z >> 1) * 3 + Math.floor(y / 3) * 2 + Math.floor(x / 3) + seed;
    const hash = Math.floor((i * 2654435761 + seed * 40503) % 2 ** 32);
    return Math.floor(hash / 2 ** 16) % 4 === 0 ? Math.floor(hash / 2 ** 20) % 4 : box % 4;
  });
}

/** A label map of a shape and spacing along D, H, W, taken as its array lies, on nnU-Net's grid of another spacing. */
function onGrid(data: Uint8Array, shape: Dhw, fromMm: Dhw, toMm: Dhw) {
  const affine = scaleAndShift(xyzOf(fromMm), [0, 0, 0]);
  const scan: Volume<Uint8Array> = { shape: xyzOf(shape), affine, data };
  const preprocessing: NnunetPreprocessing = {
    reorient: false,
    transposeForward: [0, 1, 2],
    spacingMm: toMm,
    channels: [{ scheme: 'NoNormalization' }],
    dataResampling: { ...RESAMPLER, order: 3 },
    logitsResampling: RESAMPLER,
  };
  const box = { min: [0, 0, 0], max: scan.shape } as const;
  const geometry = nnunetGeometry(scan, xyzOf(fromMm), box, preprocessing);
  return { size: geometry.network, labels: prepareNnunetLabels(scan, geometry, preprocessing, 'linear') };
}

/**
 * Results of nnU-Net's resample_data_or_seg_to_shape (order 1, order_z 0, force_separate_z None) over scikit-image 0.26
 * for the labels that `labelsOf` gives.
 */
const NNUNET: { shape: Dhw; fromMm: Dhw; toMm: Dhw; seed: number; labels: string }[] = [
  {
    shape: [7, 8, 6],
    fromMm: [1, 1, 1],
    toMm: [2, 2, 2],
    seed: 5,
    labels: '112110300122001200033001300300102300333003000333',
  },
  {
    shape: [9, 6, 7],
    fromMm: [1, 1, 1],
    toMm: [4, 1, 1],
    seed: 3,
    labels: '222133022221302222130000121200012120001121000011200101120000012222300022230002223300',
  },
  {
    shape: [1, 6, 5],
    fromMm: [5, 1, 1],
    toMm: [2, 0.7, 0.7],
    seed: 9,
    labels:
      '111322211132231111223311122233332223333200333300333330033333000111322211132231111223311122233332223333200333300333330033333000',
  },
  {
    shape: [6, 13, 10],
    fromMm: [5, 0.8, 0.8],
    toMm: [2.5, 1.1, 1.1],
    seed: 2,
    labels:
      '233300322330010311223001022323230012233001032122320112222222001233300322330010311223001022323230012233001032122320112222222001223300222230010111222001122321330022233011011122310112132213001223300222230010111222001122321330022233011011122310112132213001112233011123303000110330011210223301122130300011003001021002330112233011123303000110330011210223301122130300011003001021002330012230011023300300113330011213223331122330330011333001121322333012230011023300300113330011213223331122330330011333001121322333301122300212233233001222300130112220011223223300222332010211222301122300212233233001222300130112220011223223300222332010211222101122300112231233021221300110112210011123223300122331010011221101122300112231233021221300110112210011123223300122331010011221',
  },
];

describe('labels on nnU-Net’s grid', () => {
  test.each(NNUNET)('are nnU-Net’s: $shape from $fromMm to $toMm mm', (each) => {
    const { shape, fromMm, toMm, seed, labels } = each;
    expect(onGrid(labelsOf(shape, seed), shape, fromMm, toMm).labels.join('')).toBe(labels);
  });

  test.each<[Dhw, Dhw, Dhw]>([
    [
      [1, 1, 1],
      [2, 1, 1],
      [1, 1, 1],
    ],
    [
      [5, 7, 9],
      [1.1, 0.9, 1],
      [1.3, 0.7, 0.9],
    ],
    [
      [7, 11, 5],
      [6, 0.8, 0.9],
      [2.5, 1.1, 0.6],
    ], // coarse alone along D
    [
      [11, 4, 6],
      [0.7, 3.5, 0.8],
      [0.9, 2, 1.2],
    ], // along H
    [
      [6, 9, 8],
      [1, 1.2, 1],
      [0.8, 0.8, 5],
    ], // along W, on the network's grid
    [
      [6, 5, 7],
      [0.3, 1.2, 1.2],
      [1, 1, 1],
    ], // along two axes, which counts as none
  ])('agree with the float64 twin: %j from %j to %j mm', (shape, fromMm, toMm) => {
    const data = labelsOf(shape, 3);
    const { size, labels } = onGrid(data, shape, fromMm, toMm);
    const twin = resampledLabels(reference(shape, data), size, fromMm, toMm);
    const sure = (values: ArrayLike<number>) => Array.from(values, (each, i) => (twin.isTie[i] ? '½' : each));
    expect(sure(labels)).toEqual(sure(twin.labels.data));
  });
});

describe('labels on our own grid', () => {
  const shape: Xyz = [9, 7, 5];
  /** The axes run to the front, the left and the feet. */
  const affine = affineFromRows([
    [0, -0.9, 0, 3],
    [1.1, 0, 0, 4],
    [0, 0, -2.5, 5],
  ]);

  it('are interpolated as images are, mask by mask', () => {
    const data = labelsOf([5, 7, 9], 1);
    const geometry = caseGeometry({ shape, affine }, null, [1.3, 0.7, 1]);
    const { network, cropped } = geometry;
    const { data: labels } = prepareLabels({ shape, affine, data }, geometry, 'linear');
    const { start, steps } = rasView({ shape, affine });
    const place = (axis: 0 | 1 | 2, index: number) => {
      const scale = [1.3, 0.7, 1][axis]! / [0.9, 1.1, 2.5][axis]!;
      const source = scale * (index - (network.shape[axis] - 1) / 2) + (cropped.shape[axis] - 1) / 2;
      return Math.min(Math.max(source, 0), cropped.shape[axis] - 1);
    };
    const share = (distance: number) => Math.max(0, 1 - Math.abs(distance));
    const [nx, ny] = network.shape;
    const expected = Array.from({ length: voxelCount(network.shape) }, (_, i) => {
      const x = place(0, i % nx);
      const y = place(1, Math.floor(i / nx) % ny);
      const z = place(2, Math.floor(i / nx / ny));
      const masks = [0, 0, 0, 0];
      for (let cz = 0; cz < cropped.shape[2]; cz++)
        for (let cy = 0; cy < cropped.shape[1]; cy++)
          for (let cx = 0; cx < cropped.shape[0]; cx++) {
            const label = data[start + cx * steps[0] + cy * steps[1] + cz * steps[2]]!;
            masks[label]! += share(x - cx) * share(y - cy) * share(z - cz);
          }
      return Math.max(
        0,
        masks.findLastIndex((mask) => mask >= 0.5),
      );
    });
    expect(Array.from(labels)).toEqual(expected);
  });

  it('are background where no label holds half of a place, the highest of two that do', () => {
    const grid = { shape: [2, 2, 1] as const, affine: scaleAndShift([1, 1, 1], [0, 0, 0]) };
    const geometry = caseGeometry(grid, null, [2, 2, 1]);
    const made = (...data: number[]) =>
      prepareLabels({ ...grid, data: Uint8Array.from(data) }, geometry, 'linear').data[0];
    expect(made(1, 2, 3, 3)).toBe(3);
    expect(made(1, 2, 3, 4)).toBe(0);
    expect(made(1, 2, 2, 1)).toBe(2);
  });
});
