/**
 * The residual U-Net of Gao 2022: MONAI's DynUNet with residual blocks, its names and its defaults. Forward code
 * only; the tape records the rest.
 */
import type { Dhw } from '@organseg/kernels/axes.ts';
import type { DynUnetConfig } from './networkConfig.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';

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

/**
 * The logits, then with deep supervision those at lower resolutions, each from the decoder's stage of its size but
 * for the lowest one, as nnU-Net has them.
 */
export function dynUnet(tape: Layers, image: Slot, config: DynUnetConfig): Slot[] {
  const { filters, kernels, strides, classes } = config;
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
