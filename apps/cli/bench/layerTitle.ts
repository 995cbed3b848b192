/** Layers of a network as benches measure and print them. */
import type { Dhw } from '@organseg/kernels/axes.ts';

export interface LayerBench {
  readonly op: 'conv3d' | 'convTranspose3d';
  /** Channels of the inputs together. */
  readonly from: number;
  /** Channels of the output. */
  readonly to: number;
  readonly kernel: Dhw;
  readonly stride: Dhw;
  /** Size of the input. */
  readonly size: Dhw;
  /** Milliseconds. */
  readonly forward: number;
  readonly dInput: number;
  readonly dWeight: number;
  /** Of forward; each gradient takes as many. */
  readonly flops: number;
}

const times = (n: readonly number[]) => n.join('×');

export const layerTitle = ({
  op,
  from,
  to,
  kernel,
  stride,
  size,
}: Omit<LayerBench, 'forward' | 'dInput' | 'dWeight' | 'flops'>) =>
  `${op} ${from}→${to}, ${times(size)}, kernel ${times(kernel)}, stride ${times(stride)}`;
