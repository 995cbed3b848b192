/** The program of a training step but for the optimizer: forward, loss and backward. */
import type { Gpu } from '@organseg/kernels/device.ts';
import type { Regions } from '@organseg/kernels/ops/diceCrossEntropy.ts';
import { fillZero } from '@organseg/kernels/ops/fill.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import type { InferenceProgram } from './inferenceProgram.ts';
import { lossTasks } from './losses.ts';
import type { Op, Slot } from './op.ts';
import { forwardTask, Planner, type Task } from './planner.ts';
import type { NetworkMemory, Recorded } from './program.ts';

/** Forward, loss and backward: upload `image` and `target`, run, read `loss`. */
export interface TrainingProgram extends Omit<InferenceProgram, 'runGroups'> {
  /** u8 [M, D, H, W, 1]; upload the labels of the first M items here. */
  readonly target: Tensor;
  /** f32 [3]: the loss, its Dice part, its cross-entropy part. */
  readonly loss: Tensor;
  /** f32 [1]: the distance to the teacher's probabilities, see losses.ts; undefined without a teacher. */
  readonly consistencyLoss: Tensor | undefined;
  /** The loss scale and the weight of the distance to the teacher, for the runs to come; the latter begins as 0. */
  setFactors(lossScale: number, consistencyWeight: number): void;
}

/** What a training program reads, and where it leaves the gradients. */
export interface TrainingMemory extends NetworkMemory {
  /** f32, flat as the parameters are. */
  readonly gradients: Tensor;
  /** A factor of all gradients, which keeps small ones from vanishing in f16. */
  readonly lossScale: number;
  /** The weight of pseudo-labelled voxels; where it is given, the target's labels are coded (kernels/codedLabels.ts). */
  readonly pseudoWeight?: number | undefined;
  /** Given where outputs are regions: the labels of each. */
  readonly regions?: Regions | undefined;
  /** The teacher's logits of the items that are not labelled, which are the last ones of a batch. */
  readonly teacher?: Tensor | undefined;
}

/** Makes the program. Each run sets `gradients` to the loss's gradient times `lossScale`. */
export function trainingProgram(gpu: Gpu, recorded: Recorded, memory: TrainingMemory): TrainingProgram {
  const { layout, parameters, activation, gradients, lossScale, pseudoWeight, regions, teacher } = memory;
  const planner = new Planner(gpu, activation, layout, parameters, gradients);
  const { tape, image, logits, coarse = [] } = recorded;
  const labelled = logits.shape[0]! - (teacher?.shape[0] ?? 0);
  const target: Slot = { shape: [labelled, ...logits.shape.slice(1, 4), 1], dtype: 'u8' };
  const loss: Slot = { shape: [3], dtype: 'f32' };
  const consistencyLoss: Slot = { shape: [1], dtype: 'f32' };
  // Before the plan: what is written before a run must not lie in memory that the run uses for something else.
  for (const slot of [image, target]) planner.tensor(slot);
  const losses = lossTasks(planner, {
    outputs: [logits, ...coarse],
    target,
    pseudoWeight,
    regions,
    loss,
    consistencyLoss,
    teacher,
    lossScale,
  });
  const backward = (op: Op): Task => ({
    layer: op.name,
    pass: 'backward',
    uses: [...op.backwardReads(), ...[...op.inputs, op.output].map((value) => planner.gradientSlot(value))],
    build: () => op.backward(planner),
  });
  const recompute = (op: Op): Task => ({
    layer: op.name,
    pass: 'backward',
    uses: [...op.inputs, op.output, ...op.cache()],
    defines: [op.output],
    build: () => op.recompute!(planner),
  });
  const tasks: Task[] = [
    {
      layer: 'gradients',
      pass: 'backward',
      uses: [],
      build: () => ({ launches: fillZero(gpu, 'gradients.zero', gradients), scratch: [] }),
    },
    ...tape.ops.map((op) => forwardTask(planner, op)),
    ...losses.tasks,
    ...backwardTasks(tape.ops, backward, recompute),
  ];
  const kept = [image, logits, target, loss, ...(teacher ? [consistencyLoss] : [])];
  planner.plan(tasks, kept);
  const tensors = kept.map((slot) => planner.tensor(slot));
  const [x, z, t, l, c] = tensors as [Tensor, Tensor, Tensor, Tensor, Tensor | undefined];
  return Object.assign(planner.program(tensors), {
    image: x,
    logits: z,
    target: t,
    loss: l,
    consistencyLoss: c,
    setFactors: losses.setFactors,
  });
}

/**
 * The tasks of backward, the last op first. Outputs that can be recomputed are not kept until then: they are made again just before
 * the first task that reads them.
 */
function backwardTasks(ops: readonly Op[], backward: (op: Op) => Task, recompute: (op: Op) => Task): Task[] {
  const makers = new Map(ops.filter((op) => op.recompute).map((op) => [op.output, op]));
  const tasks: Task[] = [];
  const ensure = (slot: Slot) => {
    const maker = makers.get(slot);
    if (!maker) return;
    makers.delete(slot);
    for (const input of maker.inputs) ensure(input);
    tasks.push(recompute(maker));
  };
  for (const op of [...ops].reverse()) {
    for (const slot of op.backwardReads()) ensure(slot);
    tasks.push(backward(op));
  }
  return tasks;
}
