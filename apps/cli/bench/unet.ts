/**
 * The bench of the whole network: forward, forward with backward, a training step, and the share of each layer.
 *   pnpm bench unet [--preset NAME] [--set key=value …] [--dtype f32|f16] [--tune off|cached|full]
 *     [--kernel direct|fma|matrix] [--short] [--json]
 * The preset is gao2022 on a GPU, small on a CPU that plays GPU. Forward takes one patch, training the preset's batch.
 */

import { inferenceProgram } from '@organseg/core/network/inferenceProgram.ts';
import { recordNetwork } from '@organseg/core/network/network.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import type { NetworkMemory, Part } from '@organseg/core/network/program.ts';
import { trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { elementCount, release, type Tensor, upload } from '@organseg/kernels/tensor.ts';
import { parameterLayout } from '@organseg/train/config/network.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { Optimizer } from '@organseg/train/step/optimizer.ts';
import { adapterRates, measure, measureInTurn, measureRun } from '../../../packages/kernels/bench/measure.ts';
import { benchNetwork } from './options.ts';

export interface UnetBench {
  readonly adapter: { readonly name: string; readonly driver: string };
  readonly dtype: 'f32' | 'f16';
  readonly parameters: number;
  /** Size of a patch. */
  readonly patch: readonly number[];
  readonly batch: number;
  readonly rates: { readonly copyGbPerSecond: number; readonly multiplyAddGflops: number };
  readonly runs: readonly Run[];
  readonly layers: readonly LayerTime[];
}

interface Run {
  readonly name: 'forward' | 'forward + backward' | 'step';
  readonly batch: number;
  readonly ms: number;
  readonly gflops: number;
  /** Peak of GPU memory held from the driver, weights included. */
  readonly peakBytes: number;
}

interface LayerTime {
  readonly layer: string;
  readonly pass: Part['pass'];
  readonly ms: number;
  /** 0 where moving bytes bounds the layer. */
  readonly gflops: number;
}

/** Records the network for patches of a batch. */
const record = (config: Config, batch: number) => recordNetwork(networkConfig(config), batch, config.patch);

/** Operations of each layer's passes; the layers that see the image owe no gradient of it. */
function layerFlops({ tape, image }: ReturnType<typeof record>) {
  const flops = new Map<string, Record<Part['pass'], number>>();
  for (const op of tape.ops) {
    const seesImage = op.inputs.includes(image);
    flops.set(op.name, { forward: op.flops, backward: op.flops * (seesImage ? 1 : 2) });
  }
  return flops;
}

const randomise = (gpu: Gpu, image: Tensor, random: Random) =>
  upload(
    gpu,
    image,
    Float32Array.from({ length: elementCount(image.shape) }, () => random.uniform(0, 1)),
  );

async function forwardRun(gpu: Gpu, config: Config, memory: NetworkMemory, budgetMs: number): Promise<Run> {
  gpu.arena.trim();
  gpu.arena.resetPeaks();
  const recorded = record(config, 1);
  const program = inferenceProgram(gpu, recorded, memory);
  randomise(gpu, program.image, new Random(1));
  const launches = program.parts.flatMap((part) => part.launches);
  const ms = await measure(gpu, launches, budgetMs);
  const flops = recorded.tape.ops.reduce((sum, op) => sum + op.flops, 0);
  const { peakHeldBytes } = gpu.arena.account;
  program.close();
  return { name: 'forward', batch: 1, ms, gflops: flops / ms / 1e6, peakBytes: peakHeldBytes };
}

async function trainingRuns(gpu: Gpu, config: Config, memory: NetworkMemory, budgetMs: number) {
  gpu.arena.trim();
  gpu.arena.resetPeaks();
  const { layout, parameters } = memory;
  const gradients = layout.allocate(gpu);
  const recorded = record(config, config.batch);
  const training = trainingProgram(gpu, recorded, { ...memory, gradients, lossScale: 1 });
  const optimizer = new Optimizer(gpu, config, layout, parameters, gradients);
  const random = new Random(1);
  randomise(gpu, training.image, random);
  const classes = Uint8Array.from({ length: elementCount(training.target.shape) }, () =>
    random.int(config.classes),
  );
  upload(gpu, training.target, classes);

  const { parts } = training;
  const flops = layerFlops(recorded);
  const total = [...flops.values()].reduce((sum, { forward, backward }) => sum + forward + backward, 0);
  const launches = parts.flatMap((part) => part.launches);
  const both = await measure(gpu, launches, budgetMs);
  const step = await measureRun(
    gpu,
    () => {
      training.run();
      optimizer.update(1e-6);
    },
    budgetMs,
  );
  const peakBytes = gpu.arena.account.peakHeldBytes;
  const run = (name: Run['name'], ms: number): Run => ({
    name,
    batch: config.batch,
    ms,
    gflops: total / ms / 1e6,
    peakBytes,
  });
  const times = await measureInTurn(
    gpu,
    parts.map(({ launches: own }) => own),
    2 * budgetMs,
  );
  const layers = parts.map(({ layer, pass }, i): LayerTime => {
    const ms = times[i]!;
    return { layer, pass, ms, gflops: (flops.get(layer)?.[pass] ?? 0) / ms / 1e6 };
  });
  training.close();
  optimizer.close();
  release(gpu, gradients);
  return { runs: [run('forward + backward', both), run('step', step)], layers };
}

async function benchUnet(
  gpu: Gpu,
  config: Config,
  dtype: 'f32' | 'f16',
  budgetMs: number,
): Promise<UnetBench> {
  const rates = await adapterRates(gpu, budgetMs);
  const layout = parameterLayout(config);
  const parameters = layout.allocate(gpu);
  layout.upload(gpu, parameters, initialise(layout, new Random(1)));
  const memory = { layout, parameters, activation: dtype };
  const forward = await forwardRun(gpu, config, memory, budgetMs);
  const { runs, layers } = await trainingRuns(gpu, config, memory, budgetMs);
  return {
    adapter: { name: gpu.adapter.name, driver: gpu.adapter.driver },
    dtype,
    parameters: layout.count,
    patch: config.patch,
    batch: config.batch,
    rates,
    runs: [forward, ...runs],
    layers,
  };
}

function asText({ adapter, dtype, parameters, patch, rates, runs, layers }: UnetBench): string {
  const peak = rates.multiplyAddGflops;
  const row = (name: string, ms: number, gflops: number, rest: string) =>
    `${name.padEnd(48)}${ms.toFixed(2).padStart(10)}${(gflops ? gflops.toFixed(1) : '').padStart(10)}` +
    `${(gflops ? `${((100 * gflops) / peak).toFixed(0)} %` : '').padStart(8)}${rest.padStart(10)}`;
  const head = (name: string, last: string) =>
    `${name.padEnd(48)}${'ms'.padStart(10)}${'Gflop/s'.padStart(10)}${'of peak'.padStart(8)}${last.padStart(10)}`;
  const sum = layers.reduce((total, { ms }) => total + ms, 0);
  return [
    `${adapter.name}, ${dtype}; ${parameters} parameters, patches of ${patch.join('×')} voxels`,
    `copies at ${rates.copyGbPerSecond.toFixed(1)} GB/s, multiply-adds in f32 at ${peak.toFixed(1)} Gflop/s`,
    '',
    head('run', 'peak MiB'),
    ...runs.map(({ name, batch, ms, gflops, peakBytes }) =>
      row(`${name}, batch ${batch}`, ms, gflops, (peakBytes / 2 ** 20).toFixed(0)),
    ),
    '',
    head('layer, each alone', 'share'),
    ...[...layers]
      .sort((a, b) => b.ms - a.ms)
      .map(({ layer, pass, ms, gflops }) =>
        row(`${layer} ${pass}`, ms, gflops, `${((100 * ms) / sum).toFixed(1)} %`),
      ),
  ].join('\n');
}

await benchNetwork(
  ({ gpu, config, dtype, short }) => benchUnet(gpu, config, dtype, short ? 200 : 2000),
  asText,
);
