/** Gaussian smoothing against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/gaussianSmooth.ts';
import { gaussianSmooth } from './gaussianSmooth.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`gaussianSmooth, ${name}`, options, (kit) => {
    test.each([
      [
        [1, 2, 3],
        [0.5, 0.6, 0.7],
      ],
      [
        [5, 9, 7],
        [0.5, 1.15, 0.8],
      ],
      [
        [40, 31, 33],
        [1.15, 2.3, 0.9],
      ],
    ] as [number[], [number, number, number]][])('%j by %j voxels', async (shape, sigmas) => {
      const image = kit.peaky(shape);
      const tensor = kit.upload(image);
      kit.run(gaussianSmooth(kit.gpu, tensor, sigmas));
      await kit.expectClose(tensor, twin.gaussianSmooth(image, sigmas));
    });
  });
}
