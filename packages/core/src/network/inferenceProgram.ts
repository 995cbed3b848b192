/**
 * The program of a network's forward pass. Where a window's logits of all classes would take too much memory, its last
 * layer computes them a group of classes at a time, all in the same place.
 */
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce, submit } from '@organseg/kernels/kernel.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import type { Op, Slot } from './op.ts';
import { forwardTask, Planner, type Task } from './planner.ts';
import type { NetworkMemory, Program, Recorded } from './program.ts';
import type { Tape } from './tape.ts';

/** Forward of a network: upload `image`, run, read `logits`. */
export interface InferenceProgram extends Program {
  /** f32 [N, D, H, W, 1] */
  readonly image: Tensor;
  /** [N, D, H, W, C], of the activations' dtype: of all classes, or of the group that was computed last. */
  readonly logits: Tensor;
  /** Runs it; `take` queues what reads the logits of a group before the next group's are written. */
  runGroups(take: (group: ClassGroup) => void): void;
}

/** Classes whose logits are computed together. */
export interface ClassGroup {
  /** The class of the logits' first channel. */
  readonly firstClass: number;
  /** The number of channels before them that an earlier group has given already, since all groups are of one size. */
  readonly skip: number;
}

/** Groups of `atOnce` classes, all of them together. */
function classGroups(classes: number, atOnce: number): ClassGroup[] {
  return Array.from({ length: Math.ceil(classes / atOnce) }, (_, i) => {
    const firstClass = Math.min(i * atOnce, classes - atOnce);
    return { firstClass, skip: i * atOnce - firstClass };
  });
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

export interface InferenceOptions {
  /** Packs the weights anew in each run; otherwise once, so that later changes of the parameters are not seen. */
  readonly packsEachRun?: boolean;
  /** The classes of a group; all of them unless given. */
  readonly classesAtOnce?: number | undefined;
}

/** Makes the program. */
export function inferenceProgram(
  gpu: Gpu,
  recorded: Recorded,
  memory: NetworkMemory,
  { packsEachRun = false, classesAtOnce }: InferenceOptions = {},
): InferenceProgram {
  const planner = new Planner(gpu, memory.activation, memory.layout, memory.parameters, undefined);
  const { tape, image, logits: all } = recorded;
  const classes = all.shape[4]!;
  const groups = classGroups(classes, Math.min(classes, classesAtOnce ?? classes));
  const isWhole = groups.length === 1;
  const logits: Slot = isWhole ? all : { ...all, shape: [...all.shape.slice(0, 4), classesAtOnce!] };
  const layers = needed(tape, all);
  const head = layers.pop()!;
  const heads = isWhole ? [head] : groups.map(({ firstClass }) => head.channelsFrom!(firstClass, logits));
  const ops = [...layers, ...heads];
  // Before the plan: what is written before a run must not lie in memory that the run uses for something else.
  planner.tensor(image);
  const prepared = packsEachRun ? [] : ops.map((op) => op.prepare(planner));
  const packed = prepared.flatMap(({ tensors }) => tensors);
  const tasks = ops.map(
    (op, i): Task => ({
      ...forwardTask(planner, op),
      ...(!packsEachRun && { build: () => prepared[i].forward() }),
    }),
  );
  planner.plan(tasks, [image, logits]);
  for (const { launches } of prepared) runOnce(gpu, launches); // while the rest is compiled
  const [x, z] = [planner.tensor(image), planner.tensor(logits)];
  const launches = planner.parts.map((part) => part.launches);
  const trunk = launches.slice(0, layers.length).flat();
  const runGroups = (take: (group: ClassGroup) => void) => {
    submit(gpu, trunk);
    for (const [i, group] of groups.entries()) {
      submit(gpu, launches[layers.length + i]!);
      take(group);
    }
  };
  return Object.assign(planner.program([x, z, ...packed]), { image: x, logits: z, runGroups });
}
