/** All tiles that may be chosen on a GPU make shaders that Dawn accepts; what they compute is `conv3d.test.ts`'s. */
import { describe, expect, test } from 'vitest';
import { Gpu } from '../../../device.ts';
import { openGpu } from '../../../open/dawn.ts';
import { countingDevice } from '../../../rehearsal.ts';
import { empty } from '../../../tensor.ts';
import * as conv3d from '../../conv3d.ts';
import * as convTranspose3d from '../../convTranspose3d.ts';
import { type ConvProblem, problemKey, type Tile } from './problem.ts';
import { tileCandidates } from './tile.ts';

/** Channels, stride, width of layers of the network: two inputs, few classes, narrow volumes. */
const LAYERS: { inputs: number[]; out: number; stride: 1 | 2; width: number; kernel: 1 | 3 }[] = [
  { inputs: [32], out: 32, stride: 1, width: 128, kernel: 3 },
  { inputs: [32, 32], out: 32, stride: 1, width: 64, kernel: 3 },
  { inputs: [32], out: 64, stride: 2, width: 32, kernel: 3 },
  { inputs: [320], out: 320, stride: 1, width: 4, kernel: 3 },
  { inputs: [32], out: 14, stride: 1, width: 32, kernel: 1 },
];

describe('tiles', () => {
  test.each([true, false])('are accepted with subgroup matrices %s', async (matrices) => {
    const real = await openGpu({ backend: 'null' });
    const subgroupMatrices = matrices ? ['16×16×16 f16→f32'] : [];
    const facts = { ...real.adapter, software: false, subgroupMatrices };
    const tried = new Map<string, Set<Tile>>();
    let next: ((problem: ConvProblem) => Tile | undefined) | undefined;
    // No memory, but real shaders.
    const device = Object.assign(countingDevice(real.device), {
      createShaderModule: (descriptor: GPUShaderModuleDescriptor) => {
        const module = real.device.createShaderModule(descriptor);
        return real.device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
      },
    });
    const gpu = new Gpu(device, facts, {
      weightSpace: 'storage',
      tileChoice: (_, problem) => next?.(problem),
    });
    // Each problem takes its next untried candidate, until none has one. The null device wants whole subgroups of 128.
    let untried = true;
    next = (problem) => {
      const all = tileCandidates(gpu, problem).filter((t) => t.kernel !== 'matrix' || t.threads % 128 === 0);
      const seen = tried.get(problemKey(problem))?.size ?? 0;
      const tile = all[Math.min(seen, all.length - 1)]!;
      tried.set(problemKey(problem), new Set(all.slice(0, seen + 1)));
      if (seen < all.length) untried = true;
      return tile;
    };
    for (const dtype of ['f32', 'f16'] as const) {
      for (const { inputs, out, stride, width, kernel } of LAYERS) {
        const shape = { kernel: [kernel, kernel, kernel], stride: [stride, stride, stride] } as const;
        const tensors = inputs.map((c) => empty(gpu, [2, 4, 16, width, c], dtype));
        const inputChannels = inputs;
        const size = conv3d.outputSize([4, 16, width], shape);
        const output = empty(gpu, [2, ...size, out], dtype);
        const total = inputs.reduce((a, b) => a + b, 0);
        const [weight, dWeight] = [0, 1].map(() => empty(gpu, [out, total, ...shape.kernel])) as [
          ReturnType<typeof empty>,
          ReturnType<typeof empty>,
        ];
        const up = empty(gpu, [total, out, 2, 2, 2]);
        const upOutput = empty(gpu, [2, 8, 32, 2 * width, out], dtype);
        untried = true;
        while (untried) {
          untried = false;
          const { packed } = conv3d.pack(gpu, { weight, inputChannels, shape, output: output.shape, dtype });
          const stats = empty(gpu, [2, out, 2]);
          conv3d.forward(gpu, { inputs: tensors, weights: packed, output, stats, shape });
          const dInput = empty(gpu, tensors[0]!.shape, dtype);
          const call = { dOutput: output, weight, dInput, firstChannel: 0, shape, accumulate: false };
          conv3d.inputGradient(gpu, call);
          conv3d.parameterGradient(gpu, { inputs: tensors, dOutput: output, dWeight, shape });
          const upWeights = convTranspose3d.pack(gpu, { weight: up, output: upOutput.shape, dtype });
          convTranspose3d.forward(gpu, {
            input: empty(gpu, [2, 4, 16, width, total], dtype),
            weights: upWeights.packed,
            output: upOutput,
            stride: [2, 2, 2],
          });
        }
        await real.finish();
      }
    }
    const kernels = new Set([...tried.values()].flatMap((tiles) => [...tiles].map(({ kernel: k }) => k)));
    expect([...kernels].sort()).toEqual(matrices ? ['direct', 'fma', 'matrix'] : ['direct', 'fma']);
    real.close();
  });
});
