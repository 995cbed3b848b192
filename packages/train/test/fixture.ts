/** Small data sets and settings for tests: phantoms at 12 mm, a network that trains in seconds. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import { type Counts, datasetJson, phantomCases, phantomOf } from '@organseg/core/phantom/dataset.ts';
import type { Phantom } from '@organseg/core/phantom/phantom.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { onTestFinished } from 'vitest';
import { resolveConfig } from '../src/config/resolve.ts';
import type { Config } from '../src/config/schema.ts';
import type { LoadedCase } from '../src/data/caseStore.ts';
import type { PreparedPaths } from '../src/data/openPreparedCase.ts';
import { emptyImage, labelTensors } from '../src/data/preparedCase.ts';
import type { GpuOwner } from '../src/predict/loadedModel.ts';

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Hands out a device, and each of the others in place of the one before. */
export function ownerOf(gpu: Gpu, ...others: Gpu[]): GpuOwner {
  const owner = {
    gpu,
    reopen: async () => {
      const next = others.shift();
      if (!next) throw new Error('no other device is left');
      owner.gpu = next;
      return next;
    },
  };
  return owner;
}

/** As coarse as phantoms go. */
const PHANTOMS = { seed: 5, spacingMm: 10 };
/** Phantoms by their cases' names, each made once for all tests of a file. */
const phantoms = new Map<string, Pick<Phantom, 'image' | 'labels'>>();

/** Writes phantoms in nnU-Net's layout. */
export async function writePhantoms(folder: string, counts: Counts): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(datasetJson(counts, PHANTOMS)));
  for (const each of phantomCases(counts)) {
    const { image, labels } = phantoms.get(each.name) ?? phantomOf(each, PHANTOMS);
    phantoms.set(each.name, { image, labels });
    for (const [path, volume] of [
      [each.image, image],
      [each.labels, labels],
    ] as const) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      await writeNiftiFile(join(folder, path), volume);
    }
  }
}

/** Writes a prepared case with intensities in [0, 1] into a folder; returns its files. */
export function writePrepared(
  folder: string,
  name: string,
  { size, image, labels }: LoadedCase,
): PreparedPaths {
  const write = (kind: string, tensors: Map<string, SafeTensor>) => {
    const path = join(folder, `${name}.${kind}.safetensors`);
    writeFileSync(path, Buffer.concat([...encodeSafetensors({ metadata: {}, tensors })]));
    return path;
  };
  const { tensors, fill } = emptyImage(size);
  fill(0, image);
  return {
    image: write('image', tensors),
    labels: write('labels', labelTensors(size, labels)),
  };
}

/** Two stages of few filters, patches of 16³ at 12 mm: trains in seconds. */
export const TINY_NETWORK: Pick<Config, 'filters' | 'kernels' | 'strides' | 'spacingMm' | 'patch'> = {
  filters: [4, 8],
  kernels: [
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [2, 2, 2],
  ],
  spacingMm: [12, 12, 12],
  patch: [16, 16, 16],
};

/** Of the tiny network, augmentation often. */
export function tinyConfig(changes: Partial<Config> = {}): Config {
  const settings = {
    ...TINY_NETWORK,
    batch: 2,
    patchesPerImage: 2,
    augmentations: [
      { kind: 'mirror', x: 0.5, y: 0, z: 0 },
      { kind: 'noise', probability: 0.5, mean: [0, 0.1], std: [0, 0.1] },
    ],
    initial: { epochs: 3, learningRate: 1e-2, augment: true },
    fineTuning: { epochs: 2, learningRate: 1e-3, augment: false },
    validateEverySteps: 4,
    saveEverySteps: 1000,
    selection: [{ strategy: 'keep-all' }],
    ...changes,
  };
  return resolveConfig('small', { path: 'test', value: settings }, []);
}
