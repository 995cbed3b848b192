/** Times of work whose length is known. */
import { expect, test } from 'vitest';
import { onDevice } from '../test/harness.ts';
import { spin } from '../test/spin.ts';
import { GpuTimer } from './gpuTimer.ts';
import { submit } from './kernel.ts';

onDevice('GpuTimer', {}, (kit) => {
  test.each([
    ['the GPU’s', true],
    ['the host’s', false],
  ])('longer work takes longer, by %s clock', async (_, usesGpuClock) => {
    if (usesGpuClock && !kit.gpu.hasTimestamps) return;
    const { launch, close } = spin(kit.gpu, 4096, 2000);
    const timer = new GpuTimer(kit.gpu, usesGpuClock);
    const time = async (repeats: number) => {
      timer.begin();
      submit(kit.gpu, new Array(repeats).fill(launch));
      return await timer.end();
    };
    await time(1); // compiles
    // A busy machine can only make them longer.
    const short = Math.min(await time(1), await time(1), await time(1));
    const long = await time(50);
    expect(short).toBeGreaterThan(0);
    expect(long).toBeGreaterThan(short);
    timer.close();
    close();
  });
});
