/** A GPU that only counts, against one that works. */
import { expect, test } from 'vitest';
import { onDevice } from '../test/harness.ts';
import { runOnce } from './kernel.ts';
import * as conv3d from './ops/conv3d.ts';
import { fromArray, release, zeros } from './tensor.ts';

onDevice('rehearsal', {}, (kit) => {
  test('counts the bytes of the real work, and allocates none', () => {
    const work = (gpu: typeof kit.gpu) => {
      const shape = { kernel: [3, 3, 3], stride: [1, 1, 1] } as const;
      const input = fromArray(gpu, new Float32Array(2 * 5 * 6 * 7 * 3), [2, 5, 6, 7, 3]);
      const dOutput = zeros(gpu, [2, 5, 6, 7, 9]);
      const dWeight = zeros(gpu, [9, 3, 3, 3, 3]);
      const { launches, scratch } = conv3d.parameterGradient(gpu, {
        inputs: [input],
        dOutput,
        dWeight,
        shape,
      });
      runOnce(gpu, launches);
      release(gpu, input, dOutput, dWeight, ...scratch);
      return gpu.arena.account;
    };
    const rehearsed = work(kit.gpu.rehearsal());
    expect(rehearsed).toEqual(work(kit.gpu));
    expect(rehearsed.peakBytes).toBeGreaterThan(4 * (2 * 5 * 6 * 7 * 12 + 9 * 81));
  });
});
