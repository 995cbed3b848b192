/** Waiting for the GPU without keeping a core busy. */
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { onDevice } from '../../test/harness.ts';
import { spin } from '../../test/spin.ts';
import { submit } from '../kernel.ts';

onDevice('while the GPU works', {}, (kit) => {
  test('the event loop rests', async () => {
    const { launch, close } = spin(kit.gpu, 64, 2_000_000);
    submit(kit.gpu, [launch]); // compiles
    await kit.gpu.finish();
    const before = performance.eventLoopUtilization();
    submit(kit.gpu, [launch]);
    await kit.gpu.finish();
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
    close();
  });
});
