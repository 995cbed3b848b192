/** What is planned for a scan that is not there is what the scan itself asks for. */
import type { NnunetPreprocessing } from '@organseg/core/inference/nnunet/preprocessing.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { type Volume, voxelCount, type Xyz } from '@organseg/core/volume/volume.ts';
import { expect, test } from 'vitest';
import { openCase, requestOfGrid } from './caseStreams.ts';
import type { Model, ModelPreprocessing } from './model.ts';

const SPACING_MM: Xyz = [0.9, 1.1, 4];
const shape: Xyz = [12, 10, 7];
/** A scan that is body everywhere. */
const scan: Volume = {
  shape,
  affine: scaleAndShift(SPACING_MM, [0, 0, 0]),
  data: Int16Array.from({ length: voxelCount(shape) }, (_, i) => 1 + (i % 90)),
};

const resampler = { orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 } as const;
const nnunet: NnunetPreprocessing = {
  reorient: true,
  transposeForward: [0, 2, 1],
  spacingMm: [3, 1.2, 1.5],
  channels: [{ scheme: 'CTNormalization', low: -100, high: 200, mean: 50, std: 60 }],
  dataResampling: { ...resampler, order: 3 },
  logitsResampling: { ...resampler, order: 1 },
};

test.each<ModelPreprocessing>([
  { by: 'organseg', spacingMm: [1.5, 1.5, 2], intensity: { low: -160, high: 240, outside: 'clip' } },
  { by: 'nnU-Net', ...nnunet },
])('planned for $by: the grids, tables and buffers of the scan', (preprocessing) => {
  const model = { preprocessing, labelNames: ['background', 'liver'] } as unknown as Model;
  const spacingMm = preprocessing.by === 'organseg' ? preprocessing.spacingMm : SPACING_MM;
  const asked = openCase([scan], SPACING_MM, model, 'logits').at(spacingMm, false).request;
  const planned = requestOfGrid(scan, model, 'logits');
  // What values are kept within is told by the scan's voxels; it takes as much room for any.
  const withoutBounds = ({ source, ...rest }: typeof asked) => ({
    ...rest,
    source: { ...source, bounds: source && 'bounds' in source && source.bounds.map(({ length }) => length) },
  });
  expect(withoutBounds(planned)).toEqual(withoutBounds(asked));
});
