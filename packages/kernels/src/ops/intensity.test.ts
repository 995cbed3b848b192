/** Changes of intensity against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/intensity.ts';
import { intensityStatistics as intensityStatisticsTwin } from '../reference/intensityStatistics.ts';
import { philox } from '../reference/philox.ts';
import { downloadF32 } from '../tensor.ts';
import * as ops from './intensity.ts';
import { intensityStatistics } from './intensityStatistics.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`intensity, ${name}`, options, (kit) => {
    test.each([[[1, 1, 1]], [[5, 7, 9]], [[37, 33, 35]]])(
      'range, shift, scale, contrast, gamma and noise of %j',
      async (shape) => {
        const image = kit.peaky(shape);
        for (const outside of ['zero', 'clip'] as const) {
          const range = { low: -0.5, high: 1.5, outside };
          const scaled = kit.upload(image);
          kit.run(ops.scaleIntensityRange(kit.gpu, scaled, range));
          await kit.expectClose(scaled, twin.scaleIntensityRange(image, range));
        }
        const shifted = kit.upload(image);
        kit.run(ops.shiftIntensity(kit.gpu, shifted, 0.25));
        await kit.expectClose(shifted, twin.shiftIntensity(image, 0.25));
        for (const gamma of [
          { exponent: 0.5, inverted: false, keepsStatistics: false },
          { exponent: 2.5, inverted: true, keepsStatistics: false },
          { exponent: 1.5, inverted: true, keepsStatistics: true },
        ]) {
          const curved = kit.upload(image);
          kit.run(ops.gammaIntensity(kit.gpu, curved, gamma));
          await kit.expectClose(curved, twin.gammaIntensity(image, gamma));
        }
        const scaled = kit.upload(image);
        kit.run(ops.scaleIntensity(kit.gpu, scaled, 0.7));
        await kit.expectClose(scaled, twin.scaleIntensity(image, 0.7));
        const contrasted = kit.upload(image);
        kit.run(ops.adjustContrast(kit.gpu, contrasted, 1.4));
        await kit.expectClose(contrasted, twin.adjustContrast(image, 1.4));
        const noise = { mean: 0.3, std: 0.7, key: [0xdeadbeef, 42] as const };
        const noisy = kit.upload(image);
        kit.run(ops.gaussianNoise(kit.gpu, noisy, noise));
        await kit.expectClose(noisy, twin.gaussianNoise(image, noise));
      },
    );
  });
}

onDevice('statistics', {}, (kit) => {
  test.each([[[1]], [[1024]], [[70_001]]])('of %j values far from 0', async (shape) => {
    const image = kit.peaky(shape);
    image.data.forEach((x, i) => {
      image.data[i] = Math.fround(x + 1000);
    });
    const output = kit.output([4]);
    kit.run(intensityStatistics(kit.gpu, kit.upload(image), output));
    const expected = intensityStatisticsTwin(image);
    (await downloadF32(kit.gpu, output)).forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-4);
    });
  });
});

test('Philox agrees with the published vectors', () => {
  // Random123's kat_vectors: philox4x32 10
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});
