import { expect, test } from 'vitest';
import { onDevice } from '../test/harness.ts';
import { GpuTimer } from './gpuTimer.ts';
import { discard, prepare, submit, u32 } from './kernel.ts';
import { release, zeros } from './tensor.ts';

onDevice('GpuTimer', {}, (kit) => {
  test.each([
    ['the GPU’s', true],
    ['the host’s', false],
  ])('longer work takes longer, by %s clock', async (_, usesGpuClock) => {
    if (usesGpuClock && !kit.gpu.hasTimestamps) return;
    const y = zeros(kit.gpu, [4096]);
    const launch = prepare(kit.gpu, {
      name: 'spin',
      read: {},
      write: { y },
      params: { rounds: u32(2000) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  for (var k = 0u; k < p.rounds; k++) { y[i] = fma(y[i], 0.999, 0.001); }
}`,
      invocations: 4096,
    });
    const timer = new GpuTimer(kit.gpu, usesGpuClock);
    const time = async (repeats: number) => {
      timer.begin();
      submit(kit.gpu, new Array(repeats).fill(launch));
      return await timer.end();
    };
    await time(1); // compiles
    const [short, long] = [await time(1), await time(50)];
    expect(short).toBeGreaterThan(0);
    expect(long).toBeGreaterThan(short);
    timer.close();
    discard(kit.gpu, [launch]);
    release(kit.gpu, y);
  });
});
