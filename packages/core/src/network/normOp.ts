/** The record of a norm: of instances, of groups of channels or of batches, with the sum and the activation that follow. */
import { joinWork, type Work } from '@organseg/kernels/kernel.ts';
import * as batchNorm from '@organseg/kernels/ops/batchNorm.ts';
import { joinGroups } from '@organseg/kernels/ops/groupNorm.ts';
import * as instanceNorm from '@organseg/kernels/ops/instanceNorm.ts';
import type { Op, Slot, Workspace } from './op.ts';

/** A norm without activation. Its output is never made: the op that adds it norms its input by these. */
export interface LinearNorm {
  readonly input: Slot;
  /** f32 [N, C, 2], mean and 1/deviation. */
  readonly stats: Slot;
  readonly weight: string;
  readonly bias: string;
}

/** A norm without residual. Its output is not made where all that read it can norm its input. */
export interface ReadNorm {
  readonly input: Slot;
  /** f32 [N, C, 2], scale and offset, see `instanceNorm.affine`. */
  readonly affine: Slot;
  /** The activation's slope below 0; 1 for none. */
  readonly slope: number;
  /** Whether an op reads the output that cannot norm the input itself. */
  isMade: boolean;
}

const NOTHING: Work = { launches: [], scratch: [] };

/** What the op is made of, besides what `read` says of its input. */
interface Norm {
  readonly name: string;
  readonly output: Slot;
  /** f32 [N, C, 2], mean and 1/deviation. */
  readonly stats: Slot;
  /** Whether the convolution before makes the statistics of its channels. */
  readonly hasStatistics: boolean;
  /** The names of the parameters that tell the statistics, of a batch norm. */
  readonly running: { readonly mean: string; readonly variance: string } | undefined;
  /** The parameters' names. */
  readonly weight: string;
  readonly bias: string;
  /** What is added before the activation, and its own norm where that is linear. */
  readonly residual: Slot | undefined;
  readonly residualNorm: LinearNorm | undefined;
  /** Whether it is itself only added by another norm, see `LinearNorm`. */
  readonly isResidual: boolean;
  readonly read: ReadNorm;
  /** The number of groups of channels that share statistics; each has its own where undefined. */
  readonly groups: number | undefined;
}

/** The op of `Tape.instanceNorm`, `Tape.groupNorm` and `Tape.batchNorm`. */
export function normOp(norm: Norm): Op {
  const { name, output, stats, hasStatistics, running, weight, bias, groups } = norm;
  const { residual, residualNorm, isResidual, read } = norm;
  const { input, slope } = read;
  const isLinear = slope === 1;
  const common = (at: Workspace) => ({
    input: at.tensor(input),
    stats: at.tensor(stats),
    weight: at.parameter(weight),
    slope,
  });
  const added = residualNorm?.input ?? residual;
  const forwardCall = (at: Workspace) => ({
    ...common(at),
    output: at.tensor(output),
    bias: at.parameter(bias),
    residual: added && at.tensor(added),
    residualNorm: residualNorm && {
      stats: at.tensor(residualNorm.stats),
      weight: at.parameter(residualNorm.weight),
      bias: at.parameter(residualNorm.bias),
    },
  });
  const statistics = (at: Workspace): Work => {
    if (running) {
      const [mean, variance] = [at.parameter(running.mean), at.parameter(running.variance)];
      const launch = batchNorm.statistics(at.gpu, { mean, variance, stats: at.tensor(stats) });
      return { launches: [launch], scratch: [] };
    }
    const { launches, scratch } = hasStatistics ? NOTHING : instanceNorm.statistics(at.gpu, common(at));
    return {
      launches: groups ? [...launches, joinGroups(at.gpu, at.tensor(stats), groups)] : launches,
      scratch,
    };
  };
  const apply = (at: Workspace): Work => ({
    launches: read.isMade
      ? instanceNorm.forward(at.gpu, forwardCall(at))
      : [
          instanceNorm.affine(at.gpu, {
            ...common(at),
            bias: at.parameter(bias),
            affine: at.tensor(read.affine),
          }),
        ],
    scratch: [],
  });
  return {
    name,
    flops: 0,
    inputs: residual ? [input, residual] : [input],
    output,
    cache: () => [
      stats,
      ...(residualNorm ? [residualNorm.input, residualNorm.stats] : []),
      ...(read.isMade ? [] : [read.affine]),
    ],
    backwardReads: () => [input, stats, ...(isLinear ? [] : [read.isMade ? output : read.affine])],
    prepare: (at) => ({
      launches: [],
      tensors: [],
      forward: () => joinWork(statistics(at), isResidual ? NOTHING : apply(at)),
    }),
    ...(!isResidual && { recompute: apply }),
    backward: (at) => {
      const dOutput = at.gradient(output)!.tensor;
      const { tensor: dInput, accumulate } = at.gradient(input)!;
      return instanceNorm.backward(at.gpu, {
        ...common(at),
        groups,
        isTold: running !== undefined,
        ...(!isLinear && (read.isMade ? { output: at.tensor(output) } : { affine: at.tensor(read.affine) })),
        dOutput,
        dInput,
        accumulate,
        dWeight: at.parameterGradient(weight),
        dBias: at.parameterGradient(bias),
        dResidual: residual && at.gradient(residual),
      });
    },
  };
}
