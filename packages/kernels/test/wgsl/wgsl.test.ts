/**
 * The code of some kernels as the driver gets it, in the files beside this one: whoever changes a kernel sees there
 * what has become of it. `npx vitest run packages/kernels/test/wgsl -u` writes them anew.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu, TileChoice } from '../../src/device.ts';
import type { Launch } from '../../src/kernel.ts';
import { openGpu } from '../../src/open/dawn.ts';
import type { SharedTile } from '../../src/ops/conv/choice/problem.ts';
import * as conv3d from '../../src/ops/conv3d.ts';
import * as convTranspose3d from '../../src/ops/convTranspose3d.ts';
import * as instanceNorm from '../../src/ops/instanceNorm.ts';
import { type Make, paperGpu } from '../../src/paper.ts';
import { empty } from '../../src/tensor.ts';

/** Dawn's null device, which has every feature. */
let dawn: Gpu;
beforeAll(async () => {
  dawn = await openGpu({ backend: 'null' });
});
afterAll(() => dawn.close());

const FMA: SharedTile = { kernel: 'fma', lines: 4, width: 32, channels: 32, depth: 8, threads: 128 };
const MATRIX: SharedTile = { kernel: 'matrix', lines: 4, width: 32, channels: 32, depth: 16, threads: 128 };
const FMA_GRADIENT: SharedTile = { ...FMA, lines: 1, width: 16, channels: 16, depth: 16, threads: 48 };
const MATRIX_GRADIENT: SharedTile = { ...MATRIX, lines: 1, width: 32, threads: 192 };

interface Problem {
  readonly inputs?: readonly number[];
  readonly out?: number;
  readonly dtype?: 'f32' | 'f16';
  readonly stride?: 1 | 2;
  readonly isNormed?: boolean;
  readonly withBias?: boolean;
}

/** Forward and backward of a 3×3×3 convolution of [1, 8, 8, 32]. */
function convolution(gpu: Gpu, problem: Problem): Launch[] {
  const { inputs: channels = [32], out = 32, dtype = 'f32', stride = 1, isNormed, withBias } = problem;
  const shape = { kernel: [3, 3, 3], stride: [stride, stride, stride] } as const;
  const inputs = channels.map((c) => empty(gpu, [1, 8, 8, 32, c], dtype));
  const total = channels.reduce((a, b) => a + b, 0);
  const weight = empty(gpu, [out, total, 3, 3, 3]);
  const output = empty(gpu, [1, ...conv3d.outputSize([8, 8, 32], shape), out], dtype);
  const pack = { weight, inputChannels: channels, shape, output: output.shape, dtype };
  const { packed, launches } = conv3d.pack(gpu, pack);
  const norm = isNormed ? { affine: empty(gpu, [1, total, 2]), slope: 0.01 } : undefined;
  const bias = withBias ? empty(gpu, [out]) : undefined;
  const stats = withBias ? undefined : empty(gpu, [1, out, 2]);
  const forward = conv3d.forward(gpu, { inputs, weights: packed, output, norm, bias, stats, shape });
  const dWeight = empty(gpu, weight.shape);
  const gradient = conv3d.parameterGradient(gpu, { inputs, dOutput: output, dWeight, norm, shape });
  return [...launches, ...forward.launches, ...gradient.launches];
}

/** Forward of a transposed convolution that doubles [1, 8, 8, 16]. */
function upsampling(gpu: Gpu): Launch[] {
  const input = empty(gpu, [1, 8, 8, 16, 64]);
  const output = empty(gpu, [1, 16, 16, 32, 32]);
  const weight = empty(gpu, [64, 32, 2, 2, 2]);
  const { packed } = convTranspose3d.pack(gpu, { weight, output: output.shape, dtype: 'f32' });
  return convTranspose3d.forward(gpu, { input, weights: packed, output, stride: [2, 2, 2] }).launches;
}

function norm(gpu: Gpu): Launch[] {
  const [input, output] = [empty(gpu, [1, 8, 8, 32, 32]), empty(gpu, [1, 8, 8, 32, 32])];
  const [weight, bias, stats] = [empty(gpu, [32]), empty(gpu, [32]), empty(gpu, [1, 32, 2])];
  return instanceNorm.forward(gpu, { input, output, weight, bias, stats, slope: 0.01 });
}

/** A file's kernel: the first of that name among the launches. */
interface Case {
  readonly make: Make;
  readonly kernel: string;
  readonly launches: (gpu: Gpu) => Launch[];
  readonly tile?: SharedTile;
}

const conv = (problem: Problem) => (gpu: Gpu) => convolution(gpu, problem);
const f16 = { dtype: 'f16' } as const;
const CASES: Record<string, Case> = {
  'direct-gather-uniform': { make: 'software', kernel: 'conv3d', launches: conv({ withBias: true }) },
  'direct-gather-storage': { make: 'plain', kernel: 'conv3d', launches: conv({ inputs: [1] }) },
  'direct-weight-gradient': { make: 'plain', kernel: 'conv3d.dWeight', launches: conv({ inputs: [1] }) },
  'direct-weight-gradient-sharing': { make: 'software', kernel: 'conv3d.dWeight', launches: conv({}) },
  'tiled-gather-fma': { make: 'plain', kernel: 'conv3d', launches: conv({ isNormed: true }), tile: FMA },
  'tiled-gather-fma-splits': {
    make: 'plain',
    kernel: 'conv3d',
    launches: conv({ inputs: [64, 32] }),
    tile: { ...FMA, splits: 3 },
  },
  'tiled-gather-fma-transposed': {
    make: 'plain',
    kernel: 'convTranspose3d',
    launches: upsampling,
    tile: FMA,
  },
  'tiled-gather-matrix': { make: 'tensor-cores', kernel: 'conv3d', launches: conv(f16), tile: MATRIX },
  'tiled-gather-matrix-emulated': { make: 'software', kernel: 'conv3d', launches: conv(f16), tile: MATRIX },
  'tiled-gather-matrix-stride-2': {
    make: 'tensor-cores',
    kernel: 'conv3d',
    launches: conv({ ...f16, stride: 2, out: 30, withBias: true }),
    tile: MATRIX,
  },
  'tiled-pack-fma': { make: 'plain', kernel: 'conv.pack', launches: conv({}), tile: FMA },
  'tiled-pack-matrix': { make: 'tensor-cores', kernel: 'conv.pack', launches: conv(f16), tile: MATRIX },
  'tiled-weight-gradient-fma': {
    make: 'plain',
    kernel: 'conv3d.dWeight',
    launches: conv({ isNormed: true, stride: 2 }),
    tile: FMA_GRADIENT,
  },
  'tiled-weight-gradient-matrix': {
    make: 'tensor-cores',
    kernel: 'conv3d.dWeight',
    launches: conv(f16),
    tile: MATRIX_GRADIENT,
  },
  'instance-norm': { make: 'plain', kernel: 'instanceNorm.apply', launches: norm },
};

describe('kernels as the driver gets them', () => {
  test.each(Object.entries(CASES))('%s', async (name, { make, kernel, launches, tile }) => {
    const tileChoice: TileChoice | undefined =
      tile && ((_, { pass }) => (pass === 'gather' || tile.lines === 1 ? tile : { kernel: 'direct' }));
    const gpu = paperGpu(make, dawn.device, { ...(tileChoice && { tileChoice }) });
    const { code } = launches(gpu).find((launch) => launch.name === kernel)!.pipeline;
    await expect(code).toMatchFileSnapshot(`${name}.wgsl`);
    dawn.device.createShaderModule({ label: name, code });
    await dawn.finish();
  });

  test('and no files of others', () => {
    const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.wgsl'));
    expect(files.filter((file) => !Object.hasOwn(CASES, file.replace('.wgsl', '')))).toEqual([]);
  });
});
