/** What networks see of a scan and the labels that come of it, against what nnU-Net itself made of them. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryPlanner } from '../../packages/core/src/inference/memoryPlan.ts';
import { Networks } from '../../packages/core/src/inference/networks.ts';
import { NnunetScan } from '../../packages/core/src/inference/nnunet/nnunetScan.ts';
import { SlabStream } from '../../packages/core/src/inference/slabStream.ts';
import { networkLayout } from '../../packages/core/src/network/network.ts';
import { statedSpacingMm } from '../../packages/core/src/volume/niftiSpace.ts';
import { readNiftiFile } from '../../packages/files/src/nifti.ts';
import { readNpy } from '../../packages/files/src/npy.ts';
import type { Gpu } from '../../packages/kernels/src/device.ts';
import { openGpu } from '../../packages/kernels/src/open/dawn.ts';
import { release } from '../../packages/kernels/src/tensor.ts';
import { regionLabelsOf } from '../../packages/train/src/config/regions.ts';
import { readNnunetModel } from '../../packages/train/src/imported/nnunet/readNnunetModel.ts';
import { openModelFiles } from '../../packages/train/src/imported/openModelFiles.ts';
import { shared } from '../cli.ts';

const golden = shared('golden/nnunet');

describe.skipIf(!golden)('nnU-Net’s reference files (skipped where ../shared is not there)', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.close());

  test.each([
    ['plain3d', ['input.nii.gz']], // turned to RAS; two folds
    ['resenc3d', ['input.nii.gz']], // mirrored
    ['aniso3d', ['input.nii.gz']], // coarse along x, which becomes D; mirrored
    ['twochannel', ['input.nii.gz', 'input_0001.nii.gz']], // cropped; a channel within the mask; regions
  ])(
    '%s: the network’s input agrees to 1e-5, every label is the same, the GPU holds what was planned',
    async (name, files) => {
      const folder = join(golden!, name);
      const model = await readNnunetModel(await openModelFiles(folder));
      const channels = await Promise.all(files.map((file) => readNiftiFile(join(folder, file))));
      const spacingMm = statedSpacingMm(channels[0]!.header.space);
      if (model.preprocessing.by !== 'nnU-Net') throw new Error(`prepared by ${model.preprocessing.by}`);
      const scan = new NnunetScan(channels, spacingMm, model.preprocessing);

      const { shape, data } = await readNpy(join(folder, 'network_input.npy'));
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

      const { network, patch, windowStep, mirrorAxes } = model;
      gpu.arena.trim();
      gpu.arena.resetPeaks();
      const layout = networkLayout(network);
      const weights = await Promise.all(model.weights.map((of) => of.open(layout.specs)));
      const parameters = layout.allocate(gpu);
      layout.upload(gpu, parameters, weights[0]!);
      const memory = { layout, parameters, activation: 'f32' } as const;
      const networks = new Networks(gpu, network, memory, { patch, weights });
      const request = { ...scan.request(regionLabelsOf(model)), windowStep, mirrorAxes };
      const plan = { logits: 'f32', strips: 1, batch: 1, classesAtOnce: network.classes } as const;
      const stream = new SlabStream(gpu, networks, request, plan);
      const labels = scan.labels();
      await stream.run(scan, labels);
      stream.close();
      networks.close();
      release(gpu, parameters);
      for (const file of weights) file.close();

      const expected = await readNiftiFile(join(folder, 'expected_labels_f32.nii.gz'));
      expect(labels.volume.data.filter((label, i) => label !== expected.data[i]).length).toBe(0);

      const { peakHeldBytes } = gpu.arena.account;
      const shapeOfModel = { network, patch, activation: 'f32', models: weights.length } as const;
      const planned = new MemoryPlanner(gpu, shapeOfModel).peakBytes(request, plan);
      expect(peakHeldBytes).toBeLessThanOrEqual(planned);
      expect(planned).toBeLessThan(1.25 * peakHeldBytes + 2 ** 20);
    },
  );
});
