/** The account of GPU memory, and its cap. */
import { expect, test } from 'vitest';
import { openGpu } from './open/dawn.ts';
import { fromArray, release, zeros } from './tensor.ts';

const MIB = 2 ** 20;

test('every byte is counted: in use, held, and their peaks; a cap is kept', async () => {
  const gpu = await openGpu({ memoryCapBytes: 4 * MIB });
  const { arena } = gpu;
  try {
    const a = zeros(gpu, [MIB / 4]);
    const b = zeros(gpu, [2 * MIB], 'u8');
    expect(arena.account).toMatchObject({ inUseBytes: 3 * MIB, peakBytes: 3 * MIB, heldBytes: 3 * MIB });
    release(gpu, b);
    expect(arena.account).toMatchObject({ inUseBytes: MIB, peakBytes: 3 * MIB, heldBytes: 3 * MIB });

    // What was freed serves a request of about its size, but no much smaller one.
    const c = zeros(gpu, [2 * MIB - 1000], 'u8');
    expect(c.buffer).toBe(b.buffer);
    const d = fromArray(gpu, new Uint32Array(4), [4]);
    expect(arena.account).toMatchObject({ inUseBytes: 3 * MIB + 16, heldBytes: 3 * MIB + 16 });

    expect(() => zeros(gpu, [MIB / 4])).toThrow(
      `${4 * MIB + 16} bytes of GPU memory needed, the cap is ${4 * MIB}`,
    );
    expect(arena.account.inUseBytes).toBe(3 * MIB + 16);
    release(gpu, c);
    // Free memory makes room for what fits no free buffer.
    const e = zeros(gpu, [MIB / 4]);
    expect(arena.account).toMatchObject({ inUseBytes: 2 * MIB + 16, heldBytes: 2 * MIB + 16 });

    arena.resetPeaks();
    expect(arena.account).toMatchObject({ peakBytes: 2 * MIB + 16, peakHeldBytes: 2 * MIB + 16 });
    release(gpu, a, d, e);
    arena.trim();
    expect(arena.account).toMatchObject({ inUseBytes: 0, heldBytes: 0, peakBytes: 2 * MIB + 16 });
    expect(() => release(gpu, a)).toThrow('this buffer is not in use');
  } finally {
    gpu.close();
  }
});
