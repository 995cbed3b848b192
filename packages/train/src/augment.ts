/**
 * Gao 2022's augmentations of one patch, on the GPU: flips, then smoothing, noise, gamma and a shift of the
 * intensities, each by itself with its own probability.
 */
import type { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Launch, Work } from '@organseg/kernels/kernel.ts';
import { flip } from '@organseg/kernels/ops/flip.ts';
import { gaussianSmooth } from '@organseg/kernels/ops/gaussianSmooth.ts';
import { gammaIntensity, gaussianNoise, shiftIntensity } from '@organseg/kernels/ops/intensity.ts';
import { empty, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Config } from './config.ts';

export interface PatchTensors {
  /** f32 [D, H, W] */
  readonly image: Tensor;
  /** u8 [D, H, W] */
  readonly labels: Tensor;
}

export type AugmentConfig = Pick<Config, 'flipX' | 'flipY' | 'smooth' | 'noise' | 'gamma' | 'shift'>;

/**
 * The work, and the tensors that hold the augmented patch: the given ones, or scratch of the work. The numbers
 * drawn do not depend on which augmentations happen, so that one probability changes nothing else.
 */
export function augment(
  gpu: Gpu,
  patch: PatchTensors,
  config: AugmentConfig,
  random: Random,
): Work & PatchTensors {
  const launches: Launch[] = [];
  const scratch: Tensor[] = [];
  const add = (work: Work | Launch[]) => {
    launches.push(...('launches' in work ? work.launches : work));
    if ('scratch' in work) scratch.push(...work.scratch);
  };
  const draw = ([low, high]: readonly [number, number]) => random.uniform(low, high);
  let { image, labels } = patch;

  const [flipX, flipY] = [random.chance(config.flipX), random.chance(config.flipY)];
  if (flipX || flipY) {
    const axes = [false, flipY, flipX] as const;
    for (const input of [image, labels]) {
      const output = empty(gpu, input.shape, input.dtype);
      scratch.push(output);
      add(flip(gpu, { input, output, axes }));
    }
    [image, labels] = scratch as [Tensor, Tensor];
  }

  const smooths = random.chance(config.smooth.probability);
  const sigmas = [
    draw(config.smooth.sigmaVoxels),
    draw(config.smooth.sigmaVoxels),
    draw(config.smooth.sigmaVoxels),
  ];
  if (smooths) add(gaussianSmooth(gpu, image, sigmas as [number, number, number]));

  const isNoisy = random.chance(config.noise.probability);
  const [mean, std] = [draw(config.noise.mean), draw(config.noise.std)];
  const key = [random.uint32(), random.uint32()] as const;
  if (isNoisy) add(gaussianNoise(gpu, image, { mean, std, key }));

  const curves = random.chance(config.gamma.probability);
  const exponent = draw(config.gamma.exponent);
  if (curves) add(gammaIntensity(gpu, image, { exponent, inverted: false, keepsStatistics: false }));

  const shifts = random.chance(config.shift.probability);
  const offset = draw(config.shift.offset);
  if (shifts) add(shiftIntensity(gpu, image, offset));

  return { launches, scratch, image, labels };
}
