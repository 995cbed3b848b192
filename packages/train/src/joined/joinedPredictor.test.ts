/** Scans that are segmented in pieces, and how TotalSegmentator cuts them. */

import { dhwOf } from '@organseg/core/inference/axes.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { PlainConvUnetConfig } from '@organseg/core/network/networkConfig.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { crop } from '@organseg/core/volume/crop.ts';
import type { Volume } from '@organseg/core/volume/volume.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { expect, onTestFinished, test } from 'vitest';
import { ownerOf, TINY_NETWORK } from '../../test/fixture.ts';
import type { Model } from '../predict/model.ts';
import { caseScan } from '../predict/predictor.ts';
import { JoinedPredictor } from './joinedPredictor.ts';
import { thirdsOf } from './thirds.ts';

/** A tiny model of random weights. */
function randomModel(): Model {
  const { filters, kernels, strides, patch, spacingMm } = TINY_NETWORK;
  const network: PlainConvUnetConfig = {
    architecture: 'PlainConvUNet',
    inputChannels: 1,
    classes: 3,
    filters,
    kernels,
    strides,
    convolutions: [1, 1],
    decoderConvolutions: [1],
    transposedBias: true,
  };
  const values = initialise(networkLayout(network), new Random(3));
  return {
    paths: ['random'],
    network,
    patch,
    windowStep: 0.5,
    labelNames: ['background', 'a', 'b'],
    channelNames: ['CT'],
    preprocessing: {
      by: 'nnU-Net',
      reorient: true,
      transposeForward: [0, 1, 2],
      spacingMm: dhwOf(spacingMm),
      channels: [{ scheme: 'CTNormalization', low: -160, high: 240, mean: 0, std: 100 }],
      dataResampling: { order: 3, orderZ: 0, forceSeparateZ: false, separateZThreshold: 3 },
      logitsResampling: { order: 1, orderZ: 0, forceSeparateZ: false, separateZThreshold: 3 },
    },
    mirrorAxes: [],
    weights: [
      {
        path: 'random',
        sha256: async () => '',
        open: async () => ({ get: (name) => values.get(name), close: () => {} }),
      },
    ],
  };
}

test('each piece is segmented by itself, and gives the planes that it keeps', async () => {
  const gpu = await openGpu();
  onTestFinished(() => gpu.close());
  const shape = [18, 17, 30] as const;
  const random = new Random(1);
  const data = Int16Array.from({ length: 18 * 17 * 30 }, () => Math.round(400 * random.uniform() - 160));
  const scan: Volume<Int16Array> = { shape, affine: scaleAndShift(TINY_NETWORK.spacingMm, [0, 0, 0]), data };
  const segmented = async (volume: Volume, piecesOf?: typeof thirdsOf) => {
    const parts = [{ model: randomModel(), lookup: Uint8Array.of(0, 2, 1) }];
    const request = { parts, labelNames: ['background', 'b', 'a'], piecesOf };
    const predictor = new JoinedPredictor(ownerOf(gpu), request, { dtype: 'f32' });
    try {
      return (await predictor.predict(caseScan(volume))).labels.data;
    } finally {
      predictor.close();
    }
  };
  const planes = (from: number, to: number) => crop(scan, { min: [0, 0, from], max: [18, 17, to] });
  const plane = 18 * 17;
  const pieces = [
    { seen: [0, 17], kept: [0, 12] },
    { seen: [9, 30], kept: [12, 30] },
  ] as const;
  const made = await segmented(scan, () => [...pieces]);
  const [below, above] = [await segmented(planes(0, 17)), await segmented(planes(9, 30))];
  expect(made.subarray(0, 12 * plane)).toEqual(below.subarray(0, 12 * plane));
  expect(made.subarray(12 * plane)).toEqual(above.subarray(3 * plane));
  expect(made).not.toEqual(await segmented(scan));
});

test('TotalSegmentator does scans of more than 512 × 512 × 900 voxels in thirds, 20 planes about each', () => {
  const whole = (nz: number) => [{ seen: [0, nz], kept: [0, nz] }];
  expect(thirdsOf([512, 512, 900])).toEqual(whole(900));
  expect(thirdsOf([2000, 2000, 200])).toEqual(whole(200));
  // As its parts are cut and put together again: [:third+20], [third-19:2·third+20], [2·third-19:].
  expect(thirdsOf([512, 512, 901])).toEqual([
    { seen: [0, 320], kept: [0, 300] },
    { seen: [281, 620], kept: [300, 600] },
    { seen: [581, 901], kept: [600, 901] },
  ]);
});
