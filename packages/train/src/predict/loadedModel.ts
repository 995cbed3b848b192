/** A model on the GPU: its weights and the networks that compute with them, made anew where a device was lost. */
import { CapTooSmallError, type NetworksPlan } from '@organseg/core/inference/memoryPlan.ts';
import { Networks } from '@organseg/core/inference/networks.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import type { ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type ActivationType, fastestActivation } from '@organseg/core/network/program.ts';
import { GpuLostError } from '@organseg/kernels/arena.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { release, type Tensor } from '@organseg/kernels/tensor.ts';
import { isMemoryFault } from './attempts.ts';
import type { Model, OpenWeights } from './model.ts';

/** Who opens the device, and another where it was lost, and closes it. */
export interface GpuOwner {
  /** The device at work. */
  readonly gpu: Gpu;
  /** Another device in place of the one that was lost. Throws where there is none. */
  reopen(): Promise<Gpu>;
}

export class LoadedModel {
  readonly model: Model;
  /** Type that activations are stored in. */
  readonly activation: ActivationType;
  readonly #owner: GpuOwner;
  readonly #weights: readonly OpenWeights[];
  readonly #layout: ParameterLayout;
  #gpu: Gpu;
  /** Weights of one of the networks, flat; undefined until they are needed. */
  #parameters: Tensor | undefined;
  /** Networks of the plan that was asked for last. */
  #networks: Networks | undefined;

  /** Opens the weights; nothing is allocated yet. Throws InputError where they are broken or of another network. */
  static async open(
    owner: GpuOwner,
    model: Model,
    activation = fastestActivation(owner.gpu),
  ): Promise<LoadedModel> {
    const layout = networkLayout(model.network);
    const weights: OpenWeights[] = [];
    try {
      for (const each of model.weights) weights.push(await each.open(layout.specs));
    } catch (error) {
      for (const each of weights) each.close();
      throw error;
    }
    return new LoadedModel(owner, model, activation, layout, weights);
  }

  private constructor(
    owner: GpuOwner,
    model: Model,
    activation: ActivationType,
    layout: ParameterLayout,
    weights: readonly OpenWeights[],
  ) {
    this.model = model;
    this.activation = activation;
    this.#owner = owner;
    this.#gpu = owner.gpu;
    this.#layout = layout;
    this.#weights = weights;
  }

  /** The device that the model is on. */
  get gpu(): Gpu {
    return this.#gpu;
  }

  /** The networks that are run so, kept until they are asked for otherwise. */
  networksFor({ batch, classesAtOnce }: NetworksPlan): Networks {
    if (this.#networks?.batch === batch && this.#networks.classesAtOnce === classesAtOnce)
      return this.#networks;
    this.#networks?.use(0); // with whose weights the next ones begin
    this.#networks?.close();
    this.#networks = undefined;
    this.#gpu.arena.trim();
    this.#parameters ??= this.#loadWeights();
    const { network, patch } = this.model;
    const memory = { layout: this.#layout, parameters: this.#parameters, activation: this.activation };
    const options = { patch, batch, classesAtOnce, weights: this.#weights };
    this.#networks = this.#gpu.arena.attempt(() => new Networks(this.#gpu, network, memory, options));
    return this.#networks;
  }

  #loadWeights(): Tensor {
    const parameters = this.#layout.allocate(this.#gpu);
    this.#layout.upload(this.#gpu, parameters, this.#weights[0]!);
    return parameters;
  }

  /** The error as one that less memory or another device may cure. Throws any other. */
  async memoryFault(error: unknown): Promise<Error> {
    if (isMemoryFault(error)) return error;
    await this.#gpu.faultsTold(); // a lost device breaks what is waited for before it tells why
    if (this.#gpu.isLost) return new GpuLostError('the GPU device was lost');
    throw error;
  }

  /** Makes ready for another attempt: nothing that was made before the fault is trusted. Throws without a device. */
  async recover(fault: Error): Promise<void> {
    if (fault instanceof CapTooSmallError) return;
    if (this.#gpu.isLost) this.#gpu = await this.#owner.reopen();
    else this.#free();
    this.#networks = undefined;
    this.#parameters = undefined;
  }

  #free(): void {
    this.#networks?.close();
    if (this.#parameters) release(this.#gpu, this.#parameters);
    this.#gpu.arena.trim();
  }

  close(): void {
    this.#free();
    for (const file of this.#weights) file.close();
  }
}
