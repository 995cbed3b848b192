/** Lowered resolution against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/lowResolution.ts';
import { lowResolution } from './lowResolution.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`lowResolution, ${name}`, options, (kit) => {
    test.each([
      { shape: [1, 2, 3], zooms: [0.5, 0.5, 0.5] },
      { shape: [7, 9, 11], zooms: [0.5, 0.73, 0.9] },
      { shape: [30, 31, 33], zooms: [1, 0.6, 0.51] },
    ] as { shape: number[]; zooms: [number, number, number] }[])(
      '$shape by $zooms',
      async ({ shape, zooms }) => {
        const image = kit.peaky(shape);
        const output = kit.output(shape);
        kit.run(lowResolution(kit.gpu, { input: kit.upload(image), output, zooms }));
        await kit.expectClose(output, twin.lowResolution(image, zooms));
      },
    );
  });
}
