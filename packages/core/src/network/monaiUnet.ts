/**
 * MONAI's UNet, its names and its defaults: the first stage has a stride already, and the last transposed convolution
 * brings the logits back to the image's resolution.
 */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { UnetConfig } from './networkConfig.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';
import { unet } from './unet.ts';

const ONES: Dhw = [1, 1, 1];

/** The logits of a UNet. */
export function monaiUnet(tape: Layers, image: Slot, config: UnetConfig): Slot[] {
  const { filters, strides, kernel, upKernel, residualUnits, classes, norm, bias } = config;
  const bottom = filters.length - 1;
  /** Every stage is a module within the one above. */
  const place = (stage: number) => `model${'.1.submodule'.repeat(stage)}`;

  /** conv, which a norm and the activation follow unless it is alone. An instance norm would take a bias out again. */
  const convolution = (x: Slot, name: string, count: number, stride = ONES, isAlone = false): Slot => {
    const options = { filters: count, kernel, stride, padding: dhw((i) => (kernel[i]! - 1) / 2) };
    const y = tape.conv3d(x, `${name}.conv`, { ...options, bias: bias && (isAlone || norm === 'batch') });
    return isAlone ? y : normed(tape, y, name, config);
  };

  const transposed = (x: Slot[], name: string, count: number, stride: Dhw, isAlone: boolean): Slot => {
    const options = { filters: count, kernel: upKernel, stride };
    const y = tape.convTransposeOverlap3d(x, `${name}.conv`, {
      ...options,
      bias: bias && (isAlone || norm === 'batch'),
    });
    return isAlone ? y : normed(tape, y, name, config);
  };

  /** Convolutions, the stride in the first, plus the input, through a convolution where its form changes. */
  const residualUnit = (x: Slot, name: string, count: number, stride: Dhw, units: number, isLast = false) => {
    let y = x;
    for (let i = 0; i < units; i++)
      y = convolution(y, `${name}.conv.unit${i}`, count, i === 0 ? stride : ONES, isLast && i === units - 1);
    const isStrided = stride.some((s) => s !== 1);
    if (!isStrided && x.shape[4] === count) return tape.add(y, x, name);
    const own = isStrided ? kernel : ONES;
    const options = { filters: count, kernel: own, stride, padding: dhw((i) => (own[i]! - 1) / 2), bias };
    return tape.add(y, tape.conv3d(x, `${name}.residual`, options), name);
  };

  return unet(image, {
    stages: filters.length,
    encode(x, stage) {
      const name = stage === bottom ? place(stage) : `${place(stage)}.0`;
      return residualUnits
        ? residualUnit(x, name, filters[stage]!, strides[stage]!, residualUnits)
        : convolution(x, name, filters[stage]!, strides[stage]);
    },
    decode(below, skip, stage) {
      const name = `${place(stage)}.2`;
      const isTop = stage === 0;
      const count = isTop ? classes : filters[stage - 1]!;
      if (!residualUnits) return transposed([skip, below], name, count, strides[stage]!, isTop);
      const up = transposed([skip, below], `${name}.0`, count, strides[stage]!, false);
      return residualUnit(up, `${name}.1`, count, ONES, 1, isTop);
    },
    head: (x) => x,
    coarseOutputs: 0,
  });
}

/** norm → act. */
function normed(tape: Layers, x: Slot, name: string, { norm, activation }: UnetConfig): Slot {
  const slope = activation.kind === 'PReLU' ? 1 : activation.slope;
  const y =
    norm === 'batch'
      ? tape.batchNorm(x, `${name}.adn.N`, slope)
      : tape.instanceNorm(x, `${name}.adn.N`, { slope, isFixed: norm === 'instance' });
  return activation.kind === 'PReLU' ? tape.prelu(y, `${name}.adn.A`, activation.slopes) : y;
}
