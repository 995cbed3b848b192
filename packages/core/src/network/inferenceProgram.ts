/** The program of a network's forward pass. */
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import type { Tensor } from '@organseg/kernels/tensor.ts';
import type { Op, Slot } from './op.ts';
import { forwardTask, Planner, type Task } from './planner.ts';
import type { NetworkMemory, Program, Recorded } from './program.ts';
import type { Tape } from './tape.ts';

/** Forward of a network: upload `image`, run, read `logits`. */
export interface InferenceProgram extends Program {
  /** f32 [N, D, H, W, 1] */
  readonly image: Tensor;
  /** [N, D, H, W, C], of the activations' dtype. */
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

/**
 * Makes the program. The weights are packed now, so that later changes of the parameters are not seen; or anew by each
 * run.
 */
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
  const tasks = ops.map(
    (op, i): Task => ({
      ...forwardTask(planner, op),
      ...(!packsEachRun && { build: () => prepared[i].forward() }),
    }),
  );
  planner.plan(tasks, [image, logits]);
  for (const { launches } of prepared) runOnce(gpu, launches); // while the rest is compiled
  const [x, z] = [planner.tensor(image), planner.tensor(logits)];
  return Object.assign(planner.program([x, z, ...packed]), { image: x, logits: z });
}
