/** nnU-Net's networks, PlainConvUNet and ResidualEncoderUNet, under their names of dynamic-network-architectures. */
import { type Dhw, dhw } from '@organseg/kernels/axes.ts';
import { coarseOutputs, type PlainConvUnetConfig, type ResidualEncoderUnetConfig } from './networkConfig.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';
import { type UnetParts, unet } from './unet.ts';

const ONES: Dhw = [1, 1, 1];

/** A convolution that keeps the size but for its stride; a norm wants to follow. */
const convolution = (
  tape: Layers,
  x: Slot | Slot[],
  name: string,
  filters: number,
  kernel: Dhw,
  stride = ONES,
) => tape.conv3d(x, `${name}.conv`, { filters, kernel, stride, padding: dhw((i) => (kernel[i]! - 1) / 2) });

/** `count` times conv → norm → act, the stride in the first. */
function convolutions(
  tape: Layers,
  x: Slot | Slot[],
  name: string,
  count: number,
  filters: number,
  kernel: Dhw,
  stride = ONES,
): Slot {
  const first = convolution(tape, x, `${name}.convs.0`, filters, kernel, stride);
  let y = tape.instanceNorm(first, `${name}.convs.0.norm`);
  for (let i = 1; i < count; i++) {
    y = convolution(tape, y, `${name}.convs.${i}`, filters, kernel);
    y = tape.instanceNorm(y, `${name}.convs.${i}.norm`);
  }
  return y;
}

/** conv → norm → act → conv → norm, plus the input, then act. The input is pooled and projected where its form changes. */
function residualBlock(tape: Layers, x: Slot, name: string, filters: number, kernel: Dhw, stride: Dhw): Slot {
  let y = convolution(tape, x, `${name}.conv1`, filters, kernel, stride);
  y = tape.instanceNorm(y, `${name}.conv1.norm`);
  y = convolution(tape, y, `${name}.conv2`, filters, kernel);
  const isStrided = stride.some((s) => s !== 1);
  let shortcut = isStrided ? tape.avgPool3d(x, `${name}.skip.0`, stride) : x;
  if (x.shape[4] !== filters) {
    const projection = `${name}.skip.${isStrided ? 1 : 0}`;
    shortcut = convolution(tape, shortcut, projection, filters, ONES);
    shortcut = tape.instanceNorm(shortcut, `${projection}.norm`, { linear: true });
  }
  return tape.instanceNorm(y, `${name}.conv2.norm`, { residual: shortcut, startsAtZero: true });
}

/** The decoder, which both networks have; its stages are numbered from the lowest resolution. */
function decoder(
  tape: Layers,
  config: PlainConvUnetConfig | ResidualEncoderUnetConfig,
): Pick<UnetParts, 'stages' | 'decode' | 'head' | 'coarseOutputs'> {
  const { filters, kernels, strides, classes, decoderConvolutions, transposedBias } = config;
  const number = (stage: number) => filters.length - 2 - stage;
  return {
    stages: filters.length,
    decode(below, skip, stage) {
      const up = tape.convTranspose3d(below, `decoder.transpconvs.${number(stage)}`, {
        filters: filters[stage]!,
        stride: strides[stage + 1]!,
        bias: transposedBias,
      });
      const name = `decoder.stages.${number(stage)}`;
      const count = decoderConvolutions[number(stage)]!;
      return convolutions(tape, [up, skip], name, count, filters[stage]!, kernels[stage]!);
    },
    head: (x, stage) =>
      tape.conv3d(x, `decoder.seg_layers.${number(stage)}`, { filters: classes, kernel: ONES, bias: true }),
    coarseOutputs: coarseOutputs(config),
  };
}

/** The outputs of a PlainConvUNet, the logits first. */
export const plainConvUnet = (tape: Layers, image: Slot, config: PlainConvUnetConfig): Slot[] =>
  unet(image, {
    ...decoder(tape, config),
    encode: (x, stage) =>
      convolutions(
        tape,
        x,
        `encoder.stages.${stage}.0`,
        config.convolutions[stage]!,
        config.filters[stage]!,
        config.kernels[stage]!,
        config.strides[stage]!,
      ),
  });

/** The outputs of a ResidualEncoderUNet, the logits first. */
export function residualEncoderUnet(tape: Layers, image: Slot, config: ResidualEncoderUnetConfig): Slot[] {
  const { filters, kernels, strides, blocks, stemChannels } = config;
  const stem = convolutions(tape, image, 'encoder.stem', 1, stemChannels, kernels[0]!);
  return unet(stem, {
    ...decoder(tape, config),
    encode(x, stage) {
      let y = x;
      for (let i = 0; i < blocks[stage]!; i++) {
        const name = `encoder.stages.${stage}.blocks.${i}`;
        y = residualBlock(tape, y, name, filters[stage]!, kernels[stage]!, i === 0 ? strides[stage]! : ONES);
      }
      return y;
    },
  });
}
