/** Group norm, as instance norm with joined statistics, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/groupNorm.ts';
import { joinGroups } from './groupNorm.ts';
import * as instanceNorm from './instanceNorm.ts';

// Groups of one channel and of all, fours and others, a slope of 0 as in ReLU, a mean far from 0.
const CASES = [
  { shape: [1, 2, 3, 5, 6], groups: 2, slope: 0 },
  { shape: [2, 5, 7, 9, 16], groups: 8, slope: 0, mean: 40 },
  { shape: [2, 3, 4, 6, 4], groups: 4, slope: 0.01 },
  { shape: [1, 4, 5, 6, 8], groups: 1, slope: 0 },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`groupNorm, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape, $groups groups, slope $slope`, async (c) => {
        const { shape, groups, slope } = c;
        const [batch, , , , channels] = shape as [number, number, number, number, number];
        const drawn = kit.peaky(shape, dtype);
        const mean = dtype === 'f32' ? (c.mean ?? 0) : 0;
        // Each channel has a mean of its own, which its group's variance then has too.
        const input = reference(
          shape,
          drawn.data.map((x, i) => Math.fround(x + (mean ? mean + (i % channels) : 0))),
        );
        const parameters = { weight: kit.peaky([channels]), bias: kit.peaky([channels]), groups, slope };
        const [weight, bias] = [kit.upload(parameters.weight), kit.upload(parameters.bias)];
        const output = kit.output(shape, dtype);
        const stats = kit.empty([batch, channels, 2]);
        const call = { input: kit.upload(input, dtype), weight, output, stats, slope };
        kit.run(instanceNorm.statistics(kit.gpu, call), [joinGroups(kit.gpu, stats, groups)]);
        kit.run(instanceNorm.forward(kit.gpu, { ...call, bias }));
        await kit.expectClose(output, twin.forward(input, parameters));

        const dOutput = kit.peaky(shape, dtype);
        const expected = twin.backward(input, parameters, dOutput);
        const dInput = kit.output(shape, dtype);
        const [dWeight, dBias] = [kit.zeros([channels]), kit.zeros([channels])];
        const back = { ...call, groups, dOutput: kit.upload(dOutput, dtype), dInput, dWeight, dBias };
        kit.run(instanceNorm.backward(kit.gpu, back));
        const tolerance = dtype === 'f32' ? 1e-5 : 5e-3;
        await kit.expectClose(dInput, expected.dInput, tolerance);
        await kit.expectClose(dWeight, expected.dWeight, tolerance);
        await kit.expectClose(dBias, expected.dBias, tolerance);
        kit.run(instanceNorm.backward(kit.gpu, { ...back, accumulate: true }));
        const twice = expected.dInput.data.map((g) => 2 * g);
        await kit.expectClose(dInput, { shape, data: twice }, tolerance);
      });
    }

    test('the twin agrees with central differences', () => {
      const x = kit.peaky([2, 2, 3, 2, 6]);
      const parameters = { weight: kit.peaky([6]), bias: kit.peaky([6]), groups: 3, slope: 0.01 };
      const g = kit.peaky(x.shape);
      const { dInput, dWeight, dBias } = twin.backward(x, parameters, g);
      const { weight, bias } = parameters;
      expectGradient(kit, x, (v) => dot(twin.forward(v, parameters), g), dInput, 1e-4);
      expectGradient(
        kit,
        weight,
        (v) => dot(twin.forward(x, { ...parameters, weight: v }), g),
        dWeight,
        1e-4,
      );
      expectGradient(kit, bias, (v) => dot(twin.forward(x, { ...parameters, bias: v }), g), dBias, 1e-4);
    });
  });
}
