/** The memory line of a model's description. */
import type { DynUnetConfig } from '@organseg/core/network/networkConfig.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { expect, onTestFinished, test } from 'vitest';
import { TINY_NETWORK } from '../../../../packages/train/test/fixture.ts';
import { memoryOf } from './memory.ts';

const network: DynUnetConfig = {
  architecture: 'DynUNet',
  residual: false,
  transposedBias: false,
  inputChannels: 1,
  classes: 3,
  filters: [32, 32],
  kernels: TINY_NETWORK.kernels,
  strides: TINY_NETWORK.strides,
};

test('where one window is too much for predict, the description says what it takes and what to set', async () => {
  const gpu = await openGpu();
  onTestFinished(() => gpu.close());
  const described = (patch: Dhw) =>
    memoryOf(
      gpu,
      {
        network,
        patch,
        windowStep: 0.5,
        mirrorAxes: [],
        weights: [{}],
        preprocessing: {
          by: 'organseg',
          spacingMm: [2, 2, 2],
          intensity: { low: -160, high: 240, outside: 'clip' },
        },
      } as unknown as Model,
      'f32',
    );
  expect(described([64, 64, 64])).toMatchObject({
    fits: true,
    text: expect.stringMatching(
      /^\d{3} MiB for a scan of 512 × 512 × 400 voxels of 0\.8 × 0\.8 × 1 mm, f32, on /,
    ),
  });
  const { bytes, fits, text } = described([176, 176, 192]);
  expect(fits).toBe(false);
  const mib = Math.ceil(bytes! / 2 ** 20);
  expect(mib).toBeGreaterThan(2048);
  expect(text).toMatch(`${mib} MiB at least for a scan of`);
  expect(text).toMatch(
    new RegExp(`; predict takes 2048 MiB unless given --memory-cap ${mib} or --dtype f16 \\(\\d+ MiB\\)$`),
  );
  expect(described([1024, 1024, 1024])).toMatchObject({ bytes: null, fits: false });
});
