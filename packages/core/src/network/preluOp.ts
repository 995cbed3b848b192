/** The record of a PReLU, which applies the norm before it where that one's output is not made. */
import * as prelu from '@organseg/kernels/ops/prelu.ts';
import type { ReadNorm } from './normOp.ts';
import type { Op, Slot, Workspace } from './op.ts';

interface Prelu {
  readonly name: string;
  readonly input: Slot;
  readonly output: Slot;
  /** The parameter's name. */
  readonly slope: string;
  /** The norm that the input is the output of, where it is one's. */
  readonly norm: ReadNorm | undefined;
}

/** The op of `Tape.prelu`. */
export function preluOp({ name, input, output, slope, norm }: Prelu): Op {
  // Whether others read the norm's output is known when all layers are recorded.
  const unmade = () => (norm && !norm.isMade ? norm : undefined);
  const read = () => {
    const applied = unmade();
    return applied ? [applied.input, applied.affine] : [input];
  };
  const call = (at: Workspace) => {
    const applied = unmade();
    return {
      input: at.tensor(applied?.input ?? input),
      affine: applied && at.tensor(applied.affine),
      slope: at.parameter(slope),
    };
  };
  const forward = (at: Workspace) => ({
    launches: prelu.forward(at.gpu, { ...call(at), output: at.tensor(output) }),
    scratch: [],
  });
  return {
    name,
    flops: 0,
    inputs: [input],
    output,
    cache: read,
    backwardReads: read,
    prepare: (at) => ({ launches: [], tensors: [], forward: () => forward(at) }),
    recompute: forward,
    backward: (at) => {
      const { tensor: dZ, accumulate } = at.gradient(input)!;
      return prelu.backward(at.gpu, {
        ...call(at),
        dOutput: at.gradient(output)!.tensor,
        dZ,
        accumulate,
        dSlope: at.parameterGradient(slope),
      });
    },
  };
}
