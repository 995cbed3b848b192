/**
 * Augmentations of one patch, on the GPU, in the order of the settings. Each happens with its own probability
 * and draws from a stream of its own, so that one setting changes nothing of what another draws.
 */
import type { Random } from '@organseg/core/random.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { type Dhw, dhwOfList } from '@organseg/kernels/axes.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Launch, Work } from '@organseg/kernels/kernel.ts';
import { deform } from '@organseg/kernels/ops/deform.ts';
import { flip } from '@organseg/kernels/ops/flip.ts';
import { gaussianSmooth } from '@organseg/kernels/ops/gaussianSmooth.ts';
import {
  adjustContrast,
  gammaIntensity,
  gaussianNoise,
  scaleIntensity,
  shiftIntensity,
} from '@organseg/kernels/ops/intensity.ts';
import { lowResolution } from '@organseg/kernels/ops/lowResolution.ts';
import { empty, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Augmentation } from '../config/augmentations.ts';
import { deformation, drawFactor, drawSpatial, inputSize, type SpatialDraw } from './spatial.ts';

export interface AugmentSettings {
  readonly augmentations: readonly Augmentation[];
  /** Size of what the network sees. */
  readonly patch: Dhw;
  readonly spacingMm: Xyz;
}

export interface PatchTensors {
  /** f32 [D, H, W], one for each channel. */
  readonly images: readonly Tensor[];
  /** u8 [D, H, W] */
  readonly labels: Tensor;
}

/** Whether an augmentation moves voxels, labels with them. */
export const isGeometric = ({ kind }: Augmentation): boolean => kind === 'spatial' || kind === 'mirror';

/** The size to cut for a patch that `random` will augment: more than the patch where it will be turned or scaled. */
export function sizeToCut({ augmentations, patch, spacingMm }: AugmentSettings, random: Random): Dhw {
  return inputSize(spatialDraw(augmentations, random), patch, spacingMm);
}

/** The draw of the resampling, which is first in the list, since it alone changes the patch's size; null without one. */
function spatialDraw([first]: readonly Augmentation[], random: Random): SpatialDraw | null {
  return first?.kind === 'spatial' ? drawSpatial(first, streamOf(random, 0)) : null;
}

const streamOf = (random: Random, place: number) => random.fork('augmentation').fork(place);

/**
 * The launches that augment a patch, and the tensors that then hold it: the given ones, of the size to cut, or scratch
 * of the work. `chosen` says which of the augmentations take part.
 */
export function augment(
  gpu: Gpu,
  patch: PatchTensors,
  settings: AugmentSettings,
  random: Random,
  chosen: (augmentation: Augmentation) => boolean = () => true,
): Work & PatchTensors {
  const { augmentations, patch: to, spacingMm } = settings;
  const launches: Launch[] = [];
  const scratch: Tensor[] = [];
  let { images, labels } = patch;
  const add = (work: Work | Launch[]) => {
    launches.push(...('launches' in work ? work.launches : work));
    if ('scratch' in work) scratch.push(...work.scratch);
  };
  const output = (like: Tensor, shape: readonly number[] = like.shape) => {
    const tensor = empty(gpu, shape, like.dtype);
    scratch.push(tensor);
    return tensor;
  };
  /** Makes the same change of all channels and labels. */
  const move = (shape: Dhw, change: (input: Tensor, output: Tensor) => Launch[]) => {
    const moved = (input: Tensor) => {
      const changed = output(input, shape);
      add(change(input, changed));
      return changed;
    };
    images = images.map(moved);
    labels = moved(labels);
  };

  for (const [place, augmentation] of augmentations.entries()) {
    if (!chosen(augmentation)) continue;
    const own = streamOf(random, place);
    if (augmentation.kind === 'spatial') {
      const draw = spatialDraw(augmentations, random);
      if (!draw) continue;
      const call = deformation(gpu, draw, { from: dhwOfList(labels.shape), to, spacingMm });
      if (call.control) scratch.push(call.control);
      move(to, (input, moved) => deform(gpu, { input, output: moved, ...call }));
    } else if (augmentation.kind === 'mirror') {
      const axes = [augmentation.z, augmentation.y, augmentation.x].map((p) => own.chance(p)) as Axes;
      if (axes.includes(true)) move(to, (input, mirrored) => flip(gpu, { input, output: mirrored, axes }));
    } else if (own.chance(augmentation.probability)) {
      // All channels are changed, each by numbers of its own.
      images = images.map((image) => {
        if (augmentation.kind === 'lowResolution') {
          const zoom = own.uniform(...augmentation.zoom);
          const coarse = output(image);
          add(lowResolution(gpu, { input: image, output: coarse, zooms: [zoom, zoom, zoom] }));
          return coarse;
        }
        add(changeInPlace(gpu, image, augmentation, own));
        return image;
      });
    }
  }
  return { launches, scratch, images, labels };
}

type Axes = [boolean, boolean, boolean];
type InPlace = Exclude<Augmentation, { kind: 'spatial' | 'mirror' | 'lowResolution' }>;

function changeInPlace(gpu: Gpu, image: Tensor, augmentation: InPlace, random: Random): Work | Launch[] {
  const draw = ([low, high]: readonly [number, number]) => random.uniform(low, high);
  switch (augmentation.kind) {
    case 'smooth': {
      const sigmas = [0, 1, 2].map(() => draw(augmentation.sigmaVoxels)) as [number, number, number];
      return gaussianSmooth(gpu, image, sigmas);
    }
    case 'noise': {
      const [mean, std] = [draw(augmentation.mean), draw(augmentation.std)];
      return gaussianNoise(gpu, image, { mean, std, key: [random.uint32(), random.uint32()] });
    }
    case 'gamma':
      return gammaIntensity(gpu, image, { ...augmentation, exponent: draw(augmentation.exponent) });
    case 'shift':
      return shiftIntensity(gpu, image, draw(augmentation.offset));
    case 'scale':
      return scaleIntensity(gpu, image, drawFactor(augmentation.factor, random));
    case 'contrast':
      return adjustContrast(gpu, image, drawFactor(augmentation.factor, random));
  }
}
