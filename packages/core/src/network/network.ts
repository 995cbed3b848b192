/** Networks of every architecture, recorded on a tape. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { dynUnet } from './dynUnet.ts';
import { monaiUnet } from './monaiUnet.ts';
import { checkNetwork, type NetworkConfig, patchDivisor } from './networkConfig.ts';
import { plainConvUnet, residualEncoderUnet } from './nnUnet.ts';
import type { Slot } from './op.ts';
import { ParameterLayout } from './parameters.ts';
import type { Recorded } from './program.ts';
import { segResNet } from './segResNet.ts';
import { type Layers, Tape } from './tape.ts';

/**
 * The logits [N, D, H, W, classes] of images [N, D, H, W, inputChannels], then with deep supervision those at lower
 * resolutions. Throws where the form contradicts itself, or the image's size is no multiple of the strides' product.
 */
export function networkOutputs(tape: Layers, image: Slot, config: NetworkConfig): Slot[] {
  checkNetwork(config);
  const divisor = patchDivisor(config);
  const patch = image.shape.slice(1, 4);
  if (patch.some((size, axis) => size % divisor[axis]! !== 0)) {
    throw new Error(`network: the patch must be divisible by [${divisor}] (D,H,W), got [${patch}]`);
  }
  switch (config.architecture) {
    case 'DynUNet':
      return dynUnet(tape, image, config);
    case 'PlainConvUNet':
      return plainConvUnet(tape, image, config);
    case 'ResidualEncoderUNet':
      return residualEncoderUnet(tape, image, config);
    case 'SegResNet':
      return segResNet(tape, image, config);
    case 'UNet':
      return monaiUnet(tape, image, config);
  }
}

/** A network on a tape of its own, for `batch` patches of these sizes (D, H, W). Throws as `networkOutputs` does. */
export function recordNetwork(config: NetworkConfig, batch: number, patch: Dhw): Recorded {
  const tape = new Tape();
  const image = tape.input([batch, ...patch, config.inputChannels]);
  const [logits, ...coarse] = networkOutputs(tape, image, config);
  return { tape, image, logits: logits!, coarse };
}

/** A network's parameters, which do not depend on the patch. Throws where the form contradicts itself. */
export const networkLayout = (config: NetworkConfig): ParameterLayout =>
  new ParameterLayout(recordNetwork(config, 1, patchDivisor(config)).tape.parameters);
