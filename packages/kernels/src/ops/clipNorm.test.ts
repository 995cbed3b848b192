/** Bounding the gradients' norm against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/clipNorm.ts';
import { clipNorm } from './clipNorm.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`clipNorm, ${name}`, options, (kit) => {
    test.each([
      [1, 0.1],
      [1000, 12],
      [70_001, 12],
      [70_001, 1e6], // below the bound
    ])('%i values to %d', async (size, most) => {
      const values = kit.peaky([size]);
      const tensor = kit.upload(values);
      const work = clipNorm(kit.gpu, tensor);
      work.setMost(most);
      kit.run(work);
      await kit.expectClose(tensor, twin.clipNorm(values, most));
    });
  });
}
