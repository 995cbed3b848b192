/** Zeros in whole tensors and in parts that begin off the alignment of bindings, against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/fill.ts';
import { downloadF32 } from '../tensor.ts';
import { fillZero, fillZeroRange } from './fill.ts';

onDevice('fillZero', DEVICES['bindings of 128 KiB']!, (kit) => {
  // The second is longer than a binding.
  test.each([
    ['f32', [3, 5, 7], 1, 103],
    ['f32', [50_001], 17, 40_000],
    ['f16', [3, 5, 7], 67, 38],
  ] as const)('%s %j: all, and from %i on %i elements', async (dtype, shape, first, count) => {
    const values = kit.peaky(shape, dtype);
    const size = values.data.length;
    const [whole, part] = [kit.upload(values, dtype), kit.upload(values, dtype)];
    kit.run(fillZero(kit.gpu, 'fill', whole), fillZeroRange(kit.gpu, part, first, count));
    expect(await downloadF32(kit.gpu, whole)).toEqual(
      Float32Array.from(twin.fillZeroRange(values, 0, size).data),
    );
    const expected = twin.fillZeroRange(values, first, count);
    expect(await downloadF32(kit.gpu, part)).toEqual(Float32Array.from(expected.data));
  });
});
