/**
 * The bench of the whole network: forward, forward with backward, a training step, and the share of each layer.
 *   pnpm bench unet [--preset NAME] [--set key=value]… [--dtype f32|f16] [--tune off|cached|full]
 *     [--kernel direct|fma|matrix] [--model FOLDER] [--short] [--json]
 * With a model its network is measured instead, at its patch, beside our DynUNet of the same stages. Weights are random:
 * time does not depend on them. The preset is gao2022 on a GPU, small on a CPU that plays GPU. Forward takes one patch, training the preset's batch.
 */

import { inferenceProgram } from '@organseg/core/network/inferenceProgram.ts';
import { networkLayout, recordNetwork } from '@organseg/core/network/network.ts';
import type { NetworkConfig } from '@organseg/core/network/networkConfig.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import type { NetworkMemory, Part } from '@organseg/core/network/program.ts';
import { trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import { Random } from '@organseg/core/random.ts';
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { elementCount, release, type Tensor, upload } from '@organseg/kernels/tensor.ts';
import { Optimizer, type OptimizerConfig } from '@organseg/train/step/optimizer.ts';
import { adapterRates, measure, measureInTurn, measureRun } from '../../../packages/kernels/bench/measure.ts';
import { benchNetwork, type NetworkBench } from './options.ts';

/** A network, its patches, and how many of them a step of training takes. */
interface Subject {
  readonly network: NetworkConfig;
  readonly patch: Dhw;
  readonly batch: number;
}

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
  /** Of a model: our own network of its size. */
  readonly own?: { readonly parameters: number; readonly runs: readonly Run[] };
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
const record = ({ network, patch }: Subject, batch: number) => recordNetwork(network, batch, patch);

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

async function forwardRun(gpu: Gpu, subject: Subject, memory: NetworkMemory, budgetMs: number): Promise<Run> {
  gpu.arena.trim();
  gpu.arena.resetPeaks();
  const recorded = record(subject, 1);
  const program = inferenceProgram(gpu, recorded, memory);
  randomise(gpu, program.image, new Random(1));
  const launches = program.parts.flatMap((part) => part.launches);
  const ms = await measure(gpu, launches, budgetMs);
  const flops = recorded.tape.ops.reduce((sum, op) => sum + op.flops, 0);
  const { peakHeldBytes } = gpu.arena.account;
  program.close();
  return { name: 'forward', batch: 1, ms, gflops: flops / ms / 1e6, peakBytes: peakHeldBytes };
}

async function trainingRuns(
  gpu: Gpu,
  subject: Subject,
  settings: OptimizerConfig,
  memory: NetworkMemory,
  budgetMs: number,
) {
  gpu.arena.trim();
  gpu.arena.resetPeaks();
  const { layout, parameters } = memory;
  const gradients = layout.allocate(gpu);
  const { batch, network } = subject;
  const recorded = record(subject, batch);
  const training = trainingProgram(gpu, recorded, { ...memory, gradients, lossScale: 1 });
  const optimizer = new Optimizer(gpu, settings, layout, parameters, gradients);
  const random = new Random(1);
  randomise(gpu, training.image, random);
  const classes = Uint8Array.from({ length: elementCount(training.target.shape) }, () =>
    random.int(network.classes),
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
    batch,
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

async function measuredNetwork(
  gpu: Gpu,
  subject: Subject,
  settings: OptimizerConfig,
  activation: 'f32' | 'f16',
  budgetMs: number,
) {
  const layout = networkLayout(subject.network);
  const parameters = layout.allocate(gpu);
  layout.upload(gpu, parameters, initialise(layout, new Random(1)));
  const memory = { layout, parameters, activation };
  const forward = await forwardRun(gpu, subject, memory, budgetMs);
  const { runs, layers } = await trainingRuns(gpu, subject, settings, memory, budgetMs);
  release(gpu, parameters);
  return { parameters: layout.count, runs: [forward, ...runs], layers };
}

async function benchUnet(
  { gpu, config, network, patch, isModel, dtype }: NetworkBench,
  budgetMs: number,
): Promise<UnetBench> {
  const rates = await adapterRates(gpu, budgetMs);
  const { batch } = config;
  const measured = (each: NetworkConfig) =>
    measuredNetwork(gpu, { network: each, patch, batch }, config, dtype, budgetMs);
  const facts = {
    adapter: { name: gpu.adapter.name, driver: gpu.adapter.driver },
    dtype,
    patch,
    batch,
    rates,
  };
  const first = await measured(network);
  if (!isModel) return { ...facts, ...first };
  const ours = ownNetwork(network);
  const own = await measured(ours);
  const ownRuns = fastest(own.runs, (await measured(ours)).runs);
  const runs = fastest(first.runs, (await measured(network)).runs);
  return { ...facts, ...first, runs, own: { parameters: own.parameters, runs: ownRuns } };
}

/** The faster one of each run; what else a machine does only slows them. */
const fastest = (some: readonly Run[], others: readonly Run[]): Run[] =>
  some.map((run, i) => (others[i]!.ms < run.ms ? others[i]! : run));

/** Our own network with the stages of another one. */
function ownNetwork(network: NetworkConfig): NetworkConfig {
  const { inputChannels, classes } = network;
  const { filters, kernels, strides } = stagesOf(network);
  return {
    architecture: 'DynUNet',
    inputChannels,
    classes,
    filters,
    kernels,
    strides,
    residual: true,
    transposedBias: false,
  };
}

/** Its stages as a DynUNet has them, whose first one is of the full resolution. */
function stagesOf(network: NetworkConfig) {
  switch (network.architecture) {
    case 'SegResNet':
      return {
        filters: network.blocksDown.map((_, stage) => network.initFilters * 2 ** stage),
        kernels: network.blocksDown.map((): Dhw => [3, 3, 3]),
        strides: network.blocksDown.map((_, stage): Dhw => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
      };
    case 'UNet':
      return {
        filters: network.filters,
        kernels: network.filters.map(() => network.kernel),
        strides: [network.strides.at(-1)!, ...network.strides.slice(0, -1)],
      };
    default:
      return network;
  }
}

/** Ratios above 1: the model's network takes longer, or does more a second. */
function besideOwn(runs: readonly Run[], own: NonNullable<UnetBench['own']>): string[] {
  return [
    '',
    `beside our DynUNet of the same stages, ${own.parameters} parameters; the faster of two, measured in turn:`,
    ...runs.map(({ name, batch, ms, gflops }, i) => {
      const ours = own.runs[i]!;
      return (
        `${name}, batch ${batch}: ms ${ms.toFixed(2)} / ${ours.ms.toFixed(2)} = ${(ms / ours.ms).toFixed(2)}, ` +
        `Gflop/s ${gflops.toFixed(1)} / ${ours.gflops.toFixed(1)} = ${(gflops / ours.gflops).toFixed(2)}`
      );
    }),
  ];
}

function asText({ adapter, dtype, parameters, patch, rates, runs, layers, own }: UnetBench): string {
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
    ...(own ? besideOwn(runs, own) : []),
    '',
    head('layer, each alone', 'share'),
    ...[...layers]
      .sort((a, b) => b.ms - a.ms)
      .map(({ layer, pass, ms, gflops }) =>
        row(`${layer} ${pass}`, ms, gflops, `${((100 * ms) / sum).toFixed(1)} %`),
      ),
  ].join('\n');
}

await benchNetwork((options) => benchUnet(options, options.short ? 200 : 2000), asText);
