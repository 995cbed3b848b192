import type { Gpu } from '../../device.ts';

/** A loop's end that the compiler does not know, for kernels with `p.groups` > 0. */
export const rolled = (n: number): string => `min(p.groups, 1u) * ${n}u`;

/** Ends of short loops: a GPU should unroll them; on a CPU unrolling makes compiling take minutes. */
export const loopEnd = (gpu: Gpu) => (n: number) => (gpu.adapter.software ? rolled(n) : `${n}u`);
