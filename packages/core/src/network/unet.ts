/**
 * The residual U-Net of Gao 2022: MONAI's DynUNet with residual blocks, its names and its defaults. Forward code
 * only; the tape records the rest.
 */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';

/** The form of a U-Net, from the full resolution (stage 0) to the bottleneck; at least two stages. */
export interface UnetConfig {
  readonly inputChannels: number;
  readonly classes: number;
  /** Channels of each stage. */
  readonly filters: readonly number[];
  /** Kernels and strides of each stage; the first stage keeps the resolution. */
  readonly kernels: readonly Dhw[];
  readonly strides: readonly Dhw[];
  /** Has further outputs at lower resolutions, which training learns by. */
  readonly deepSupervision?: boolean;
}

/** conv → norm → act → conv → norm, plus the input (through conv1 → norm where its form changes), then act. */
function residualBlock(tape: Layers, x: Slot, name: string, filters: number, kernel: Dhw, stride: Dhw): Slot {
  const keepsForm = x.shape[4] === filters && stride.every((s) => s === 1);
  let y = tape.conv3d(x, `${name}.conv1.conv`, { filters, kernel, stride });
  y = tape.instanceNorm(y, `${name}.norm1`);
  y = tape.conv3d(y, `${name}.conv2.conv`, { filters, kernel });
  const shortcut = keepsForm
    ? x
    : tape.instanceNorm(
        tape.conv3d(x, `${name}.conv3.conv`, { filters, kernel: [1, 1, 1], stride }),
        `${name}.norm3`,
        { linear: true },
      );
  return tape.instanceNorm(y, `${name}.norm2`, { residual: shortcut });
}

/** Upsample, join with the skip, then twice conv → norm → act. */
function upBlock(tape: Layers, x: Slot, skip: Slot, name: string, kernel: Dhw, stride: Dhw): Slot {
  const filters = skip.shape[4]!;
  const up = tape.convTranspose3d(x, `${name}.transp_conv.conv`, { filters, stride });
  let y = tape.conv3d([up, skip], `${name}.conv_block.conv1.conv`, { filters, kernel });
  y = tape.instanceNorm(y, `${name}.conv_block.norm1`);
  y = tape.conv3d(y, `${name}.conv_block.conv2.conv`, { filters, kernel });
  return tape.instanceNorm(y, `${name}.conv_block.norm2`);
}

/** Logits [N, D, H, W, classes] of images [N, D, H, W, inputChannels]. */
export const unet = (tape: Layers, image: Slot, config: UnetConfig): Slot =>
  unetOutputs(tape, image, config)[0]!;

/**
 * The logits, then with deep supervision those at lower resolutions, each from the decoder's stage of its size but
 * for the lowest one, as nnU-Net has them.
 */
export function unetOutputs(tape: Layers, image: Slot, config: UnetConfig): Slot[] {
  const { filters, kernels, strides, classes } = config;
  checkUnet(config, image.shape.slice(1, 4));
  const bottom = filters.length - 1;
  const stageName = (i: number) =>
    i === 0 ? 'input_block' : i === bottom ? 'bottleneck' : `downsamples.${i - 1}`;

  const skips: Slot[] = [];
  let x = image;
  for (let stage = 0; stage <= bottom; stage++) {
    x = residualBlock(tape, x, stageName(stage), filters[stage]!, kernels[stage]!, strides[stage]!);
    skips.push(x);
  }
  const output = (input: Slot, name: string) =>
    tape.conv3d(input, `${name}.conv.conv`, { filters: classes, kernel: [1, 1, 1], bias: true });
  const coarse: Slot[] = [];
  for (let stage = bottom; stage > 0; stage--) {
    // Before the stage that follows: going backward, that one's gradient is assigned, a convolution's then added.
    if (config.deepSupervision && stage < bottom - 1) {
      coarse.unshift(output(x, `deep_supervision_heads.${stage - 1}`));
    }
    x = upBlock(tape, x, skips[stage - 1]!, `upsamples.${bottom - stage}`, kernels[stage]!, strides[stage]!);
  }
  return [output(x, 'output_block'), ...coarse];
}

/** The sizes whose multiples a patch must have. */
export const patchDivisor = ({ strides }: Pick<UnetConfig, 'strides'>): Dhw =>
  dhw((axis) => strides.reduce((product, stride) => product * stride[axis]!, 1));

function checkUnet(config: UnetConfig, patch: readonly number[]): void {
  const { filters, kernels, strides } = config;
  if (filters.length < 2 || kernels.length !== filters.length || strides.length !== filters.length) {
    throw new Error(
      `unet: filters, kernels and strides expect one entry a stage, at least 2; got ${filters.length}, ${kernels.length}, ${strides.length}`,
    );
  }
  if (strides[0]!.some((s) => s !== 1))
    throw new Error(`unet: the first stride expects [1,1,1], got [${strides[0]}]`);
  const even = kernels.find((kernel) => kernel.some((k) => k !== 1 && k !== 3));
  if (even) throw new Error(`unet: kernels of 1 and 3 are known, got [${even}]`);
  const divisor = patchDivisor(config);
  if (patch.some((size, i) => size % divisor[i]! !== 0)) {
    throw new Error(`unet: the patch must be divisible by [${divisor}] (D,H,W), got [${patch}]`);
  }
}
