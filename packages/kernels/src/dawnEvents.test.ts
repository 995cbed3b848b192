import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { onDevice } from '../test/harness.ts';
import { discard, prepare, submit, u32 } from './kernel.ts';
import { release, zeros } from './tensor.ts';

onDevice('while the GPU works', {}, (kit) => {
  test('the event loop rests', async () => {
    const y = zeros(kit.gpu, [64]);
    const launch = prepare(kit.gpu, {
      name: 'spin',
      read: {},
      write: { y },
      params: { rounds: u32(2_000_000) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  for (var k = 0u; k < p.rounds; k++) { y[i] = fma(y[i], 0.999, 0.001); }
}`,
      invocations: 64,
    });
    submit(kit.gpu, [launch]); // compiles
    await kit.gpu.finish();
    const before = performance.eventLoopUtilization();
    submit(kit.gpu, [launch]);
    await kit.gpu.finish();
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
    discard(kit.gpu, [launch]);
    release(kit.gpu, y);
  });
});
