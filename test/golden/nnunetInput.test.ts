/** What networks see of a scan, against what nnU-Net itself made of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NnunetScan } from '../../packages/core/src/inference/nnunet/nnunetScan.ts';
import type {
  NnunetPreprocessing,
  Normalisation,
  Resampler,
} from '../../packages/core/src/inference/nnunet/preprocessing.ts';
import { statedSpacingMm } from '../../packages/core/src/volume/niftiSpace.ts';
import { readNiftiFile } from '../../packages/files/src/nifti.ts';
import type { Gpu } from '../../packages/kernels/src/device.ts';
import { openGpu } from '../../packages/kernels/src/open/dawn.ts';
import { shared } from '../cli.ts';
import { readNpy } from './npy.ts';

/** nnU-Net's own planner states these for every data set. */
const RESAMPLER: Omit<Resampler, 'order'> = { orderZ: 0, forceSeparateZ: null, separateZThreshold: 3 };

/** The parts of a model's plans.json that tell how scans are prepared. */
function preprocessingOf(folder: string): NnunetPreprocessing {
  const plans = JSON.parse(readFileSync(join(folder, 'plans.json'), 'utf8'));
  const { spacing, normalization_schemes, use_mask_for_norm } = plans.configurations['3d_fullres'];
  return {
    reorient: plans.image_reader_writer === 'NibabelIOWithReorient',
    transposeForward: plans.transpose_forward,
    spacingMm: spacing,
    channels: normalization_schemes.map((scheme: string, i: number) => {
      const of = plans.foreground_intensity_properties_per_channel[i];
      const ct = { low: of.percentile_00_5, high: of.percentile_99_5, mean: of.mean, std: of.std };
      return { scheme, useMask: use_mask_for_norm[i], ...ct } as Normalisation;
    }),
    dataResampling: { ...RESAMPLER, order: 3 },
    logitsResampling: { ...RESAMPLER, order: 1 },
  };
}

const golden = shared('golden/nnunet');

describe.skipIf(!golden)('nnU-Net’s reference files (skipped where ../shared is not there)', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  test.each([
    ['plain3d', ['input.nii.gz']], // turned to RAS
    ['resenc3d', ['input.nii.gz']],
    ['aniso3d', ['input.nii.gz']], // coarse along x, which becomes D
    ['twochannel', ['input.nii.gz', 'input_0001.nii.gz']], // cropped; one channel within the mask
  ])('%s: the network’s input agrees to 1e-5', async (name, files) => {
    const folder = join(golden!, name);
    const channels = await Promise.all(files.map((file) => readNiftiFile(join(folder, file))));
    const spacingMm = statedSpacingMm(channels[0]!.header.space);
    const scan = new NnunetScan(channels, spacingMm, preprocessingOf(folder));
    const { shape, data } = readNpy(join(folder, 'network_input.npy'));
    expect([channels.length, ...scan.geometry.network]).toEqual(shape);
    let largest = 0;
    let seen = 0;
    await scan.prepare(gpu, (first, values, channel) => {
      const at = first + (channel * data.length) / channels.length;
      seen += values.length;
      values.forEach((value, i) => {
        largest = Math.max(largest, Math.abs(value - data[at + i]!));
      });
    });
    expect(seen).toBe(data.length);
    expect(largest).toBeLessThan(1e-5);
  });
});
