/** Finding values that are not finite, wherever they are. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { runOnce } from '../kernel.ts';
import { nonFinite as twin } from '../reference/nonFinite.ts';
import { download, empty, fromArray, release } from '../tensor.ts';
import { nonFinite } from './nonFinite.ts';

for (const name of ['weights in storage', 'bindings of 128 KiB'] as const) {
  onDevice(`nonFinite, ${name}`, DEVICES[name]!, (kit) => {
    test.each([1, 300, 100_001])('any of %i values', async (size) => {
      const expectTwin = async (at: number, value: number) => {
        const values = new Float32Array(size).fill(-3e38); // near the largest, and finite
        values[at] = value;
        const tensor = fromArray(kit.gpu, values, [size]);
        const flag = empty(kit.gpu, [1], 'u32');
        const { launches, scratch } = nonFinite(kit.gpu, { values: tensor, flag });
        runOnce(kit.gpu, launches);
        const [word] = await download(kit.gpu, flag);
        release(kit.gpu, tensor, flag, ...scratch);
        expect(word).toBe(twin(values));
        return word;
      };
      expect(await expectTwin(0, 1e-45)).toBe(0);
      expect(await expectTwin(size - 1, Number.POSITIVE_INFINITY)).toBe(1);
      expect(await expectTwin(Math.floor(size / 2), Number.NaN)).toBe(1);
      expect(await expectTwin(0, Number.NEGATIVE_INFINITY)).toBe(1);
    });
  });
}
