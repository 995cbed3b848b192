/** `parity` on PyTorch's reference file, and on files of its form made by the float64 twin. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readReference } from '../../apps/cli/src/parity/parityReference.ts';
import { InputError } from '../../packages/core/src/inputError.ts';
import { networkLayout } from '../../packages/core/src/network/network.ts';
import type { NetworkConfig } from '../../packages/core/src/network/networkConfig.ts';
import { initialise } from '../../packages/core/src/network/parameters.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafeTensor,
  type SafeTensors,
} from '../../packages/core/src/network/safetensors.ts';
import { Random } from '../../packages/core/src/random.ts';
import { twinLosses, twinStep } from '../../packages/core/test/twinNetwork.ts';
import type { Dhw } from '../../packages/kernels/src/axes.ts';
import { type Reference, reference } from '../../packages/kernels/src/reference/array.ts';
import { cliHere, cliJsonHere, shared, temporaryFolder } from '../cli.ts';

interface Report {
  passed: boolean;
  parameters: number;
  errors: Record<string, number>;
  gradients: Record<string, number>;
}

const golden = shared('golden/dynunet_iso.safetensors');

describe.skipIf(!golden)('PyTorch’s reference file (skipped where ../shared is not there)', () => {
  test('f32 agrees to 1e-4', async () => {
    const report = await cliJsonHere<Report>(['parity', golden!]);
    expect(report).toMatchObject({ passed: true, parameters: 17510 });
    expect(Object.keys(report.gradients)).toHaveLength(43);
    for (const error of Object.values(report.errors)) expect(error).toBeLessThan(1e-4);
  });

  test('f32 on tiles agrees to 1e-4', async () => {
    const { errors } = await cliJsonHere<Report>(['parity', golden!, '--kernel', 'fma']);
    for (const error of Object.values(errors)) expect(error).toBeLessThan(1e-4);
  });

  test('f16 follows the losses to 1e-2', async () => {
    const { errors } = await cliJsonHere<Report>(['parity', golden!, '--dtype', 'f16']);
    expect(errors.loss).toBeLessThan(1e-2);
    expect(errors.adamLosses).toBeLessThan(1e-2);
  });
});

interface FileOptions {
  filters: number[];
  kernels: Dhw[];
  strides: Dhw[];
  classes: number;
  image: [number, number, number, number];
}

/** [N, D, H, W, C] as PyTorch's [N, C, D, H, W]. */
function channelsFirst({ shape, data }: Reference): SafeTensor {
  const [n, d, h, w, c] = shape;
  const voxels = d * h * w;
  const values = new Float32Array(data.length);
  data.forEach((x, i) => {
    const voxel = Math.floor(i / c);
    values[(Math.floor(voxel / voxels) * c + (i % c)) * voxels + (voxel % voxels)] = x;
  });
  return { shape: [n, c, d, h, w], values };
}

function referenceFile(path: string, options: FileOptions, spoil = 0): void {
  const config: NetworkConfig = {
    ...options,
    architecture: 'DynUNet',
    residual: true,
    transposedBias: false,
    inputChannels: 1,
  };
  const random = new Random(4);
  const layout = networkLayout(config);
  const parameters = initialise(layout, random);
  const count = options.image.reduce((a, b) => a * b);
  const image = reference(
    [...options.image, 1],
    Float32Array.from({ length: count }, () => random.uniform()),
  );
  const target = Uint8Array.from({ length: count }, () => random.int(options.classes));
  const { logits, loss, gradients } = twinStep(config, layout, parameters, image, target);
  const losses = twinLosses(config, layout, parameters, image, target, 1e-3, 3);
  const shapes = new Map(layout.specs.map(({ name, shape }) => [name, shape]));
  const tensors = new Map<string, SafeTensor>([
    ['input', channelsFirst(image)],
    ['target', { shape: [options.image[0], 1, ...options.image.slice(1)], values: target }],
    ['logits', channelsFirst(logits)],
    ['adam_losses', { shape: [3], values: Float32Array.from(losses) }],
  ]);
  for (const [name, values] of parameters) tensors.set(`param/${name}`, { shape: shapes.get(name)!, values });
  for (const [name, { data }] of gradients) {
    tensors.set(`grad/${name}`, {
      shape: shapes.get(name)!,
      values: Float32Array.from(data, (g) => g * (1 + spoil)),
    });
  }
  const metadata = {
    filters: JSON.stringify(options.filters),
    kernel_size: JSON.stringify(options.kernels),
    strides: JSON.stringify(options.strides),
    classes: String(options.classes),
    loss_value: String(loss),
    optimizer: 'Adam lr=0.001 betas=(0.9,0.999) eps=1e-8',
  };
  writeFileSync(path, Buffer.concat([...encodeSafetensors({ metadata, tensors })]));
}

const cube = (n: number): Dhw => [n, n, n];
/** Of the channels of the network's own tests, whose compiled kernels serve here too. */
const ANISOTROPIC: FileOptions = {
  filters: [5, 8, 12],
  kernels: [[1, 3, 3], cube(3), cube(3)],
  strides: [cube(1), [1, 2, 2], cube(2)],
  classes: 5,
  image: [1, 4, 8, 12],
};

test.each([
  ['anisotropic kernels and strides', ANISOTROPIC],
  [
    'three items, fewer stages',
    {
      filters: [5, 8],
      kernels: [cube(3), cube(3)],
      strides: [cube(1), cube(2)],
      classes: 5,
      image: [3, 6, 4, 8],
    },
  ],
] as [string, FileOptions][])('a file with %s passes', async (_, options) => {
  const file = join(temporaryFolder(), 'reference.safetensors');
  referenceFile(file, options);
  const { errors, passed } = await cliJsonHere<Report>(['parity', file]);
  expect(passed).toBe(true);
  for (const error of Object.values(errors)) expect(error).toBeLessThan(1e-4);
});

// PyTorch's own file shows the same where it is there; compiling these tiles takes most of a minute.
test.skipIf(golden)('a file passes on tiles of multiply-adds too', async () => {
  const file = join(temporaryFolder(), 'reference.safetensors');
  referenceFile(file, {
    ...ANISOTROPIC,
    filters: [5, 8],
    kernels: [[1, 3, 3], cube(3)],
    strides: [cube(1), [1, 2, 2]],
  });
  const { errors, passed } = await cliJsonHere<Report>(['parity', file, '--kernel', 'fma']);
  expect(passed).toBe(true);
  for (const error of Object.values(errors)) expect(error).toBeLessThan(1e-4);
});

test('gradients that are off by 0.1 % fail with exit code 1', async () => {
  const file = join(temporaryFolder(), 'reference.safetensors');
  referenceFile(file, ANISOTROPIC, 1e-3);
  const { code, stdout } = await cliHere(['parity', file]);
  expect(code).toBe(1);
  expect(stdout).toContain('FAILED');
});

describe('a damaged file is refused in one line that names it', () => {
  let valid: SafeTensors;
  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
    const file = join(folder, 'reference.safetensors');
    referenceFile(file, ANISOTROPIC);
    valid = decodeSafetensors(readFileSync(file), file);
    rmSync(folder, { recursive: true });
  });
  const norm = 'input_block.norm1.weight';
  const without = (name: string) => new Map([...valid.tensors].filter(([key]) => key !== name));
  const having = (name: string, shape: number[], values: SafeTensor['values']) =>
    new Map([...valid.tensors, [name, { shape, values }]]);

  test.each([
    ['no input', () => ({ tensors: without('input') }), 'it has no tensor input'],
    ['no gradient', () => ({ tensors: without(`grad/${norm}`) }), `it has no tensor grad/${norm}`],
    [
      'a parameter of another shape',
      () => ({ tensors: having(`param/${norm}`, [2], new Float32Array(2)) }),
      `tensor param/${norm} expects [5], got [2]`,
    ],
    [
      'a parameter too many',
      () => ({ tensors: having('param/x', [1], new Float32Array(1)) }),
      'tensor param/x is no parameter of this network',
    ],
    [
      'a class too high',
      () => ({ tensors: having('target', [1, 1, 4, 8, 12], new Uint8Array(384).fill(5, 7, 8)) }),
      'tensor target holds 5, of 5 classes',
    ],
    [
      'a stage without filters',
      () => ({ metadata: { ...valid.metadata, filters: '[5, 0, 12]' } }),
      'metadata filters: 1: Too small: expected number to be >0',
    ],
  ] as [string, () => Partial<SafeTensors>, string][])('%s', async (_, damage, fault) => {
    const file = join(temporaryFolder(), 'damaged.safetensors');
    writeFileSync(file, Buffer.concat([...encodeSafetensors({ ...valid, ...damage() })]));
    await expect(readReference(file)).rejects.toThrow(new InputError(`${file}: ${fault}`));
  });

  test('by the command, with exit code 1', async () => {
    const { code, stdout, stderr } = await cliHere(['parity', 'nowhere.safetensors']);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      'organseg: nowhere.safetensors: no such file or directory\n',
    ]);
  });
});
