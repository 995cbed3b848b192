/** The places of a network's parameters, from its description alone. */
import type { Dhw } from '@organseg/kernels/axes.ts';
import { ParameterLayout } from './parameters.ts';
import { Tape } from './tape.ts';
import { type UnetConfig, unetOutputs } from './unet.ts';

/** The layout of a network that sees such patches; it does not depend on their size. */
export function layoutOf(network: UnetConfig, patch: Dhw): ParameterLayout {
  const tape = new Tape();
  unetOutputs(tape, tape.input([1, ...patch, network.inputChannels]), network);
  return new ParameterLayout(tape.parameters);
}
