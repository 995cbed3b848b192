/**
 * Plans which tensor lives when, so that memory is reused, and makes every launch of a program once, which the driver
 * compiles meanwhile.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import { compile, type Work } from '@organseg/kernels/kernel.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import type { Op, Slot, Workspace } from './op.ts';
import type { ParameterLayout } from './parameters.ts';
import { type ActivationType, type Part, Program } from './program.ts';

/** One thing that a program does, and the slots that it reads or writes. */
export interface Task {
  /** The layer's name, or "loss" and the like. */
  readonly layer: string;
  readonly pass: Part['pass'];
  readonly uses: readonly Slot[];
  /** Slots among them whose former content is not read. */
  readonly defines?: readonly Slot[];
  build(): Work;
}

/** Gives slots their tensors while a program is made. */
export class Planner implements Workspace {
  readonly gpu: Gpu;
  readonly parts: Part[] = [];
  readonly activation: ActivationType;
  readonly #layout: ParameterLayout;
  readonly #parameters: Tensor;
  readonly #gradients: Tensor | undefined;
  readonly #tensors = new Map<Slot, Tensor>();
  readonly #gradientSlots = new Map<Slot, Slot>();
  readonly #written = new Set<Slot>();
  #reserved: GPUBuffer[] = [];

  constructor(
    gpu: Gpu,
    activation: ActivationType,
    layout: ParameterLayout,
    parameters: Tensor,
    gradients: Tensor | undefined,
  ) {
    this.gpu = gpu;
    this.activation = activation;
    this.#layout = layout;
    this.#parameters = parameters;
    this.#gradients = gradients;
  }

  tensor(slot: Slot): Tensor {
    let tensor = this.#tensors.get(slot);
    if (!tensor) {
      tensor = empty(this.gpu, slot.shape, slot.dtype === 'activation' ? this.activation : slot.dtype);
      this.#tensors.set(slot, tensor);
    }
    return tensor;
  }

  parameter(name: string): Tensor {
    return this.#layout.view(this.#parameters, name);
  }

  parameterGradient(name: string): Tensor {
    return this.#layout.view(this.#gradients!, name);
  }

  /** The slot of a value's gradient, which is among those that backward tasks use. */
  gradientSlot(value: Slot): Slot {
    let slot = this.#gradientSlots.get(value);
    if (!slot) {
      slot = { shape: value.shape, dtype: value.dtype };
      this.#gradientSlots.set(value, slot);
    }
    return slot;
  }

  gradient(value: Slot): { tensor: Tensor; accumulate: boolean } | undefined {
    if (value.dtype !== 'activation') return undefined; // the image
    const slot = this.gradientSlot(value);
    const accumulate = this.#written.has(slot);
    this.#written.add(slot);
    return { tensor: this.tensor(slot), accumulate };
  }

  /** The program of what was planned; the given tensors become its own. */
  program(tensors: readonly Tensor[]): Program {
    return new Program(this.gpu, this.parts, [...this.#reserved, ...tensors.map(({ buffer }) => buffer)]);
  }

  /** Makes the launches, task by task; a slot's tensor is free for others while nobody wants its content, unless kept. */
  plan(tasks: readonly Task[], kept: readonly Slot[]): void {
    const unwantedAfter = unwanted(tasks);
    this.#reserved = this.gpu.arena.reserve(() => {
      tasks.forEach(({ layer, pass, build }, i) => {
        const { launches, scratch } = build();
        compile(launches);
        this.parts.push({ layer, pass, launches });
        release(this.gpu, ...scratch);
        for (const slot of unwantedAfter[i]!) {
          const tensor = this.#tensors.get(slot);
          if (!tensor || kept.includes(slot)) continue;
          release(this.gpu, tensor);
          this.#tensors.delete(slot);
        }
      });
    });
  }
}

/** The slots that each task is the last to use, or the last before another defines them anew. */
function unwanted(tasks: readonly Task[]): Slot[][] {
  const nextUse = new Map<Slot, Task>();
  return tasks
    .map((_, i) => tasks[tasks.length - 1 - i]!)
    .map((task) => {
      const slots = [...new Set(task.uses)].filter((slot) => {
        const next = nextUse.get(slot);
        return !next || next.defines?.includes(slot);
      });
      for (const slot of task.uses) nextUse.set(slot, task);
      return slots;
    })
    .reverse();
}

/** Packs an op's weights and runs it. */
export const forwardTask = (planner: Planner, op: Op): Task => ({
  layer: op.name,
  pass: 'forward',
  uses: [...op.inputs, op.output, ...op.cache()],
  build: () => {
    const { launches, tensors, forward } = op.prepare(planner);
    const work = forward();
    return { launches: [...launches, ...work.launches], scratch: [...tensors, ...work.scratch] };
  },
});
