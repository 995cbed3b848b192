/**
 * A program: launches that were made once for a network on a tape, and the memory that they use. It is run again and
 * again.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import { discard, type Launch, submit } from '@organseg/kernels/kernel.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import type { Slot, Workspace } from './op.ts';
import type { ParameterLayout } from './parameters.ts';
import type { Tape } from './tape.ts';

/** What activations are stored in. */
export type ActivationType = Workspace['activation'];

/** The type in which a GPU is fastest: f16 where it has that; a software adapter computes in f32 all the same, and converts. */
export const fastestActivation = ({ hasF16, adapter }: Gpu): ActivationType =>
  hasF16 && !adapter.software ? 'f16' : 'f32';

/** The launches of one layer's forward or backward pass, of the loss, or of what is done for all layers at once. */
export interface Part {
  readonly layer: string;
  readonly pass: 'forward' | 'backward';
  readonly launches: readonly Launch[];
}

/** Launches with the memory that is theirs. */
export class Program {
  /** The launches in the order in which `run` submits them. */
  readonly parts: readonly Part[];
  readonly #gpu: Gpu;
  readonly #launches: readonly Launch[];
  readonly #buffers: readonly GPUBuffer[];

  constructor(gpu: Gpu, parts: readonly Part[], buffers: readonly GPUBuffer[]) {
    this.parts = parts;
    this.#gpu = gpu;
    this.#launches = parts.flatMap(({ launches }) => launches);
    this.#buffers = buffers;
  }

  run(): void {
    submit(this.#gpu, this.#launches);
  }

  /** Frees the program's memory. */
  close(): void {
    discard(this.#gpu, this.#launches);
    for (const buffer of this.#buffers) this.#gpu.arena.release(buffer);
  }
}

/** A network on a tape: its image and its outputs. */
export interface Recorded {
  readonly tape: Tape;
  readonly image: Slot;
  readonly logits: Slot;
  /** Logits at lower resolutions, with deep supervision. */
  readonly coarse?: readonly Slot[];
}

/** The parameters that programs of a network read, and what they store activations in. */
export interface NetworkMemory {
  readonly layout: ParameterLayout;
  /** f32, flat, see ParameterLayout. */
  readonly parameters: Tensor;
  readonly activation: ActivationType;
}
