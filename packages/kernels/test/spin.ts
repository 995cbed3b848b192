/** A kernel that takes as long as one is told, for tests of timing. */
import type { Gpu } from '../src/device.ts';
import { discard, type Launch, prepare, u32 } from '../src/kernel.ts';
import { release, zeros } from '../src/tensor.ts';

/** Work for the GPU that takes as long as one is told. Close it. */
export function spin(gpu: Gpu, invocations: number, rounds: number): { launch: Launch; close: () => void } {
  const y = zeros(gpu, [invocations]);
  const launch = prepare(gpu, {
    name: 'spin',
    read: {},
    write: { y },
    params: { rounds: u32(rounds) },
    code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  for (var k = 0u; k < p.rounds; k++) { y[i] = fma(y[i], 0.999, 0.001); }
}`,
    invocations,
  });
  const close = () => {
    discard(gpu, [launch]);
    release(gpu, y);
  };
  return { launch, close };
}
