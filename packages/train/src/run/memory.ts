/**
 * The GPU memory that a run will take, told before anything is allocated: the same code runs on a GPU that only counts.
 */
import { InputError } from '@organseg/core/inputError.ts';
import { patchDivisor } from '@organseg/core/network/networkConfig.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import { Random } from '@organseg/core/random.ts';
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { download, elementCount } from '@organseg/kernels/tensor.ts';
import type { Augmentation } from '../config/augmentations.ts';
import { parameterLayout, precisionOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config, TrainingPhase } from '../config/schema.ts';
import { sizeToCut } from '../data/augment.ts';
import { uploadBatch } from '../data/uploadBatch.ts';
import { TrainingStep } from '../step/trainingStep.ts';
import { slidingWindow } from './slidingWindow.ts';

/**
 * The peak of bytes held by training whose validation sees volumes up to this size. Throws OutOfGpuMemoryError where it
 * is beyond the GPU's cap or limits.
 */
export async function trainingPeakBytes(
  gpu: Gpu,
  config: Config,
  phase: TrainingPhase,
  validation: Dhw,
): Promise<number> {
  const counting = gpu.rehearsal(gpu.arena.capBytes);
  const step = new TrainingStep(counting, config);
  const always = withAllAugmentations(config);
  const random = new Random(0);
  const size = config[phase].augment ? sizeToCut(always, random) : config.patch;
  const voxels = elementCount(size);
  const { inputChannels } = networkConfig(config);
  const patch = { image: new Float32Array(inputChannels * voxels), labels: new Uint8Array(voxels), size };
  const partner = { ...patch, isPasted: true, box: { from: [0, 0, 0], size } } as const;
  const item = { ...patch, random, ...(config.copyPaste && { partner }) };
  const items = Array.from({ length: config.batch }, () => item);
  uploadBatch(counting, always, items, step, config[phase].augment);
  const done = step.run(0);
  uploadBatch(counting, always, items, step, config[phase].augment); // the next step's, meanwhile
  await done;
  await step.makeRoom(() => segment(counting, config, step.memory, validation));
  await download(counting, step.parameters); // as a checkpoint does
  return counting.arena.account.peakHeldBytes;
}

/**
 * The peak of bytes held while a prepared scan of this size is segmented. Throws OutOfGpuMemoryError where it is beyond
 * the GPU's cap or limits.
 */
export async function inferencePeakBytes(
  gpu: Gpu,
  config: Config,
  activation: NetworkMemory['activation'],
  size: Dhw,
): Promise<number> {
  const counting = gpu.rehearsal(gpu.arena.capBytes);
  const layout = parameterLayout(config);
  await segment(counting, config, { layout, parameters: layout.allocate(counting), activation }, size);
  return counting.arena.account.peakHeldBytes;
}

async function segment(gpu: Gpu, config: Config, memory: NetworkMemory, size: Dhw): Promise<void> {
  // As few windows as there can be: each takes the same memory.
  const network = slidingWindow(gpu, { ...config, windowStep: 1 }, memory);
  const { inputChannels } = networkConfig(config);
  await network.labels({ size, data: new Float32Array(inputChannels * elementCount(size)) });
  network.close();
}

/** The settings with each augmentation that may happen certain, and by the greatest of its numbers. */
function withAllAugmentations(config: Config): Config {
  const certain = (probability: number) => (probability > 0 ? 1 : 0);
  const most = ([, high]: readonly [number, number]): [number, number] => [high, high];
  const always = (each: Augmentation): Augmentation => {
    if (each.kind === 'mirror') {
      return { ...each, x: certain(each.x), y: certain(each.y), z: certain(each.z) };
    }
    if (each.kind !== 'spatial') return { ...each, probability: certain(each.probability) };
    const { rotation, scaling, elastic } = each;
    return {
      ...each,
      rotation: { probability: certain(rotation.probability), degrees: most(rotation.degrees) },
      scaling: { probability: certain(scaling.probability), factor: most(scaling.factor) },
      elastic: {
        ...elastic,
        probability: certain(elastic.probability),
        displacementMm: most(elastic.displacementMm),
      },
    };
  };
  return { ...config, augmentations: config.augmentations.map(always) };
}

/**
 * Refuses a run that does not fit the GPU's cap or limits. Throws InputError that says which smaller batch, and which
 * smaller patch, would.
 */
export async function assertFits(
  gpu: Gpu,
  config: Config,
  phase: TrainingPhase,
  validation: Dhw,
): Promise<void> {
  const reason = await whyTooLarge(gpu, config, phase, validation);
  if (!reason) return;
  const firstOf = async (candidates: Config[]) => {
    const fits = async (place: number) => !(await whyTooLarge(gpu, candidates[place]!, phase, validation));
    return candidates[await firstFitting(candidates.length, fits)];
  };
  const batch = await firstOf([...smallerBatches(config)]);
  const patch = await firstOf([...smallerPatches(config)]);
  const ways = [batch && `batch=${batch.batch}`, patch && `patch=[${patch.patch}]`].filter(Boolean);
  const { batch: items, patch: size } = config;
  const settings = `batch=${items} patch=[${size}] precision=${precisionOf(config, gpu)}, validated on [${validation}] voxels,`;
  const wayOut = ways.length ? `${ways.join(' or ')} would` : 'nor does any smaller batch or patch';
  throw new InputError(`training with ${settings} does not fit: ${reason}; ${wayOut}`);
}

/** Why training whose validation sees volumes up to this size does not fit the GPU; undefined where it fits. */
export async function whyTooLarge(
  gpu: Gpu,
  config: Config,
  phase: TrainingPhase,
  validation: Dhw,
): Promise<string | undefined> {
  try {
    await trainingPeakBytes(gpu, config, phase, validation);
    return undefined;
  } catch (error) {
    if (error instanceof OutOfGpuMemoryError) return error.message;
    throw error;
  }
}

/** The first of `count` places from which on everything fits, found by bisection; `count` where nothing does. */
export async function firstFitting(
  count: number,
  fits: (place: number) => Promise<boolean>,
): Promise<number> {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function* smallerBatches(config: Config): Generator<Config> {
  for (let batch = config.batch - 1; batch >= 1; batch--) yield { ...config, batch };
}

/** Patches whose longest axis is shorter by the least that the network takes, again and again. */
function* smallerPatches(config: Config): Generator<Config> {
  const divisor = patchDivisor(networkConfig(config));
  let { patch } = config;
  for (;;) {
    const axes = [0, 1, 2].filter((axis) => patch[axis]! > divisor[axis]!);
    if (!axes.length) return;
    const longest = axes.reduce((a, b) => (patch[b]! > patch[a]! ? b : a));
    patch = dhw((axis) => patch[axis]! - (axis === longest ? divisor[axis]! : 0));
    yield { ...config, patch };
  }
}
