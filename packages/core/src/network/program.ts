/**
 * From a tape to launches: plans which tensor lives when, so that memory is reused, and makes every launch once, which
 * the driver compiles meanwhile. Running a program then submits them.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import { compile, discard, type Launch, runOnce, submit } from '@organseg/kernels/kernel.ts';
import { fillZero } from '@organseg/kernels/ops/fill.ts';
import { empty, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { type LossWorkspace, lossSteps, type Step } from './losses.ts';
import type { ParameterLayout } from './parameters.ts';
import type { Op, Slot, Tape, Workspace } from './tape.ts';

export type ActivationType = Workspace['activation'];

/** f16 where a GPU has it; a software adapter computes in f32 all the same, and converts. */
export const fastestActivation = ({ hasF16, adapter }: Gpu): ActivationType =>
  hasF16 && !adapter.software ? 'f16' : 'f32';

/** The launches of one layer's forward or backward pass, of the loss, or of what is done for all layers. */
export interface Part {
  readonly layer: string;
  readonly pass: Step['pass'];
  readonly launches: readonly Launch[];
}

/** Gives slots their tensors while the program is made. */
class Planner implements LossWorkspace {
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

  /** The slot of a value's gradient, which backward steps list among what they use. */
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

  /** The launches, with all buffers that they use and the given tensors'. */
  program(tensors: readonly Tensor[]): Program {
    return new Program(this.gpu, this.parts, [...this.#reserved, ...tensors.map(({ buffer }) => buffer)]);
  }

  /** Makes the launches step by step; a slot's tensor is free for others while nobody wants its content, unless kept. */
  plan(steps: readonly Step[], kept: readonly Slot[]): void {
    const unwantedAfter = unwanted(steps);
    this.#reserved = this.gpu.arena.reserve(() => {
      steps.forEach(({ layer, pass, build }, i) => {
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

/** The slots that each step is the last to use, or the last before another defines them anew. */
function unwanted(steps: readonly Step[]): Slot[][] {
  const nextUse = new Map<Slot, Step>();
  return steps
    .map((_, i) => steps[steps.length - 1 - i]!)
    .map((step) => {
      const slots = [...new Set(step.uses)].filter((slot) => {
        const next = nextUse.get(slot);
        return !next || next.defines?.includes(slot);
      });
      for (const slot of step.uses) nextUse.set(slot, step);
      return slots;
    })
    .reverse();
}

/** Launches with the memory that is theirs. */
export class Program {
  /** What `run` submits, in order. */
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

/** Slots of one network on a tape. */
export interface Recorded {
  readonly tape: Tape;
  readonly image: Slot;
  readonly logits: Slot;
  /** With deep supervision: logits at lower resolutions. */
  readonly coarse?: readonly Slot[];
}

export interface NetworkMemory {
  readonly layout: ParameterLayout;
  /** Flat, see ParameterLayout. */
  readonly parameters: Tensor;
  readonly activation: ActivationType;
}

export interface InferenceProgram {
  readonly program: Program;
  /** f32 [N, D, H, W, C]; upload the image here. */
  readonly image: Tensor;
  readonly logits: Tensor;
}

/** The ops that an output needs, in their order. */
function needed({ ops }: Tape, output: Slot): Op[] {
  const wanted = new Set([output]);
  const found = [...ops].reverse().filter((op) => {
    if (!wanted.has(op.output)) return false;
    for (const input of op.inputs) wanted.add(input);
    return true;
  });
  return found.reverse();
}

/** Forward only. The weights are packed now, later changes of the parameters are not seen; or anew by each run. */
export function inferenceProgram(
  gpu: Gpu,
  recorded: Recorded,
  memory: NetworkMemory,
  { packsEachRun = false } = {},
): InferenceProgram {
  const planner = new Planner(gpu, memory.activation, memory.layout, memory.parameters, undefined);
  const { tape, image, logits } = recorded;
  const ops = needed(tape, logits);
  // Before the plan: what is written before a run must not lie in memory that the run uses for something else.
  planner.tensor(image);
  const prepared = packsEachRun ? [] : ops.map((op) => op.prepare(planner));
  const packed = prepared.flatMap(({ tensors }) => tensors);
  const steps = ops.map(
    (op, i): Step => ({
      ...forwardStep(planner, op),
      ...(!packsEachRun && { build: () => prepared[i].forward() }),
    }),
  );
  planner.plan(steps, [image, logits]);
  for (const { launches } of prepared) runOnce(gpu, launches); // while the rest is compiled
  const [x, z] = [planner.tensor(image), planner.tensor(logits)];
  return { program: planner.program([x, z, ...packed]), image: x, logits: z };
}

/** Packs an op's weights and runs it. */
const forwardStep = (planner: Planner, op: Op): Step => ({
  layer: op.name,
  pass: 'forward',
  uses: [...op.inputs, op.output, ...op.cache()],
  build: () => {
    const { launches, tensors, forward } = op.prepare(planner);
    const work = forward();
    return { launches: [...launches, ...work.launches], scratch: [...tensors, ...work.scratch] };
  },
});

/**
 * Backward, the last op first. Outputs that can be recomputed are not kept until then: they are made again just before
 * the first step that reads them.
 */
function backwardSteps(ops: readonly Op[], backward: (op: Op) => Step, recompute: (op: Op) => Step): Step[] {
  const makers = new Map(ops.filter((op) => op.recompute).map((op) => [op.output, op]));
  const steps: Step[] = [];
  const ensure = (slot: Slot) => {
    const maker = makers.get(slot);
    if (!maker) return;
    makers.delete(slot);
    for (const input of maker.inputs) ensure(input);
    steps.push(recompute(maker));
  };
  for (const op of [...ops].reverse()) {
    for (const slot of op.backwardReads()) ensure(slot);
    steps.push(backward(op));
  }
  return steps;
}

export interface TrainingProgram extends InferenceProgram {
  /** u8 [M, D, H, W, 1]; upload the labels of the first M items here. */
  readonly target: Tensor;
  /** f32 [3]: the loss, its Dice part, its cross-entropy part. */
  readonly loss: Tensor;
  /** f32 [1]: see losses.ts; undefined without a teacher. */
  readonly consistencyLoss: Tensor | undefined;
  /** The loss scale and the weight of the distance to the teacher, for the runs to come; the latter begins as 0. */
  setFactors(lossScale: number, consistencyWeight: number): void;
}

export interface TrainingMemory extends NetworkMemory {
  /** Flat, as the parameters. */
  readonly gradients: Tensor;
  /** Keeps small f16 gradients from vanishing. */
  readonly lossScale: number;
  /** Logits of the items that are not labelled: the last ones of a batch. */
  readonly teacher?: Tensor | undefined;
}

/** Forward, loss and backward. Each run sets `gradients` to the loss's gradient times `lossScale`. */
export function trainingProgram(gpu: Gpu, recorded: Recorded, memory: TrainingMemory): TrainingProgram {
  const { layout, parameters, activation, gradients, lossScale, teacher } = memory;
  const planner = new Planner(gpu, activation, layout, parameters, gradients);
  const { tape, image, logits, coarse = [] } = recorded;
  const labelled = logits.shape[0]! - (teacher?.shape[0] ?? 0);
  const target: Slot = { shape: [labelled, ...logits.shape.slice(1, 4), 1], dtype: 'u8' };
  const loss: Slot = { shape: [3], dtype: 'f32' };
  const consistencyLoss: Slot = { shape: [1], dtype: 'f32' };
  for (const slot of [image, target]) planner.tensor(slot); // before the plan, as above
  const losses = lossSteps(planner, {
    outputs: [logits, ...coarse],
    target,
    loss,
    consistencyLoss,
    teacher,
    lossScale,
  });
  const backward = (op: Op): Step => ({
    layer: op.name,
    pass: 'backward',
    uses: [...op.backwardReads(), ...[...op.inputs, op.output].map((value) => planner.gradientSlot(value))],
    build: () => op.backward(planner),
  });
  const recompute = (op: Op): Step => ({
    layer: op.name,
    pass: 'backward',
    uses: [...op.inputs, op.output, ...op.cache()],
    defines: [op.output],
    build: () => op.recompute!(planner),
  });
  const steps: Step[] = [
    {
      layer: 'gradients',
      pass: 'backward',
      uses: [],
      build: () => ({ launches: fillZero(gpu, 'gradients.zero', gradients), scratch: [] }),
    },
    ...tape.ops.map((op) => forwardStep(planner, op)),
    ...losses.steps,
    ...backwardSteps(tape.ops, backward, recompute),
  ];
  const kept = [image, logits, target, loss, ...(teacher ? [consistencyLoss] : [])];
  planner.plan(steps, kept);
  const tensors = kept.map((slot) => planner.tensor(slot));
  const [x, z, t, l, c] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor | undefined];
  return {
    program: planner.program(tensors),
    image: x,
    logits: z,
    target: t,
    loss: l,
    consistencyLoss: c,
    setFactors: losses.setFactors,
  };
}
