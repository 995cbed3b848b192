/** MONAI's DynUNet, its names and its defaults; with residual blocks it is the network of Gao 2022. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { coarseOutputs, type DynUnetConfig } from './networkConfig.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';
import { unet } from './unet.ts';

/** Twice conv → norm → act. */
function plainBlock(tape: Layers, x: Slot | Slot[], name: string, filters: number, kernel: Dhw, stride: Dhw) {
  let y = tape.conv3d(x, `${name}.conv1.conv`, { filters, kernel, stride });
  y = tape.instanceNorm(y, `${name}.norm1`);
  y = tape.conv3d(y, `${name}.conv2.conv`, { filters, kernel });
  return tape.instanceNorm(y, `${name}.norm2`);
}

/** conv → norm → act → conv → norm, plus the input (through conv3 → norm3 where its form changes), then act. */
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

/** The outputs of a DynUNet, the logits first. */
export function dynUnet(tape: Layers, image: Slot, config: DynUnetConfig): Slot[] {
  const { filters, kernels, strides, classes, residual, transposedBias } = config;
  const bottom = filters.length - 1;
  const block = residual ? residualBlock : plainBlock;
  return unet(image, {
    stages: filters.length,
    encode(x, stage) {
      const name = stage === 0 ? 'input_block' : stage === bottom ? 'bottleneck' : `downsamples.${stage - 1}`;
      return block(tape, x, name, filters[stage]!, kernels[stage]!, strides[stage]!);
    },
    decode(below, skip, stage) {
      const name = `upsamples.${bottom - 1 - stage}`;
      const up = tape.convTranspose3d(below, `${name}.transp_conv.conv`, {
        filters: filters[stage]!,
        stride: strides[stage + 1]!,
        bias: transposedBias,
      });
      // The kernel is that of the stage below.
      return plainBlock(
        tape,
        [up, skip],
        `${name}.conv_block`,
        filters[stage]!,
        kernels[stage + 1]!,
        [1, 1, 1],
      );
    },
    head(x, stage) {
      const name = stage === 0 ? 'output_block' : `deep_supervision_heads.${stage - 1}`;
      return tape.conv3d(x, `${name}.conv.conv`, { filters: classes, kernel: [1, 1, 1], bias: true });
    },
    coarseOutputs: coarseOutputs(config),
  });
}
