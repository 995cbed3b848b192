/** Instance norm, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, onDevice } from '../../test/harness.ts';
import { type Reference, reference } from '../reference/array.ts';
import * as twin from '../reference/instanceNorm.ts';
import * as instanceNorm from './instanceNorm.ts';

const CASES = [
  { shape: [1, 2, 3, 5, 1], slope: 0.01, residual: false },
  { shape: [2, 5, 7, 9, 6], slope: 0.01, residual: true },
  { shape: [1, 1, 1, 8, 16], slope: 1, residual: false },
  { shape: [2, 4, 5, 6, 7], slope: 0.01, residual: false },
  { shape: [2, 11, 13, 12, 20], slope: 0.01, residual: true, mean: 40 },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`instanceNorm, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape, slope $slope, residual $residual, mean $mean`, async (c) => {
        const channels = c.shape[4]!;
        const input = shifted(kit.peaky(c.shape, dtype), dtype === 'f32' ? (c.mean ?? 0) : 0);
        const weight = kit.peaky([channels]);
        const bias = kit.peaky([channels]);
        const residual = c.residual ? kit.peaky(c.shape, dtype) : undefined;
        const parameters = { weight, bias, residual, slope: c.slope };
        const x = kit.upload(input, dtype);
        const [w, b] = [kit.upload(weight), kit.upload(bias)];
        const r = residual && kit.upload(residual, dtype);
        const output = kit.output(c.shape, dtype);
        const stats = kit.empty([c.shape[0]!, channels, 2]);
        const common = { input: x, weight: w, output, stats, slope: c.slope };
        kit.run(instanceNorm.statistics(kit.gpu, common));
        kit.run(instanceNorm.forward(kit.gpu, { ...common, bias: b, residual: r }));
        await kit.expectClose(output, twin.forward(input, parameters));

        const dOutput = kit.peaky(c.shape, dtype);
        const expected = twin.backward(input, parameters, dOutput);
        const dInput = kit.output(c.shape, dtype);
        const [dWeight, dBias] = [kit.zeros([channels]), kit.zeros([channels])];
        const call = { ...common, dOutput: kit.upload(dOutput, dtype), dInput, dWeight, dBias };
        const dResidual = residual && kit.output(c.shape, dtype);
        kit.run(
          instanceNorm.backward(kit.gpu, {
            ...call,
            dResidual: dResidual && { tensor: dResidual, accumulate: false },
          }),
        );
        const tolerance = dtype === 'f32' ? 1e-5 : 5e-3;
        await kit.expectClose(dInput, expected.dInput);
        await kit.expectClose(dWeight, expected.dWeight, tolerance);
        await kit.expectClose(dBias, expected.dBias, tolerance);
        if (!residual && c.slope !== 1) {
          const affine = kit.empty([c.shape[0]!, channels, 2]);
          kit.run([instanceNorm.affine(kit.gpu, { stats, weight: w, bias: b, affine })]);
          const again = kit.output(c.shape, dtype);
          const alone = { ...call, output: undefined, affine, dInput: again };
          kit.run(instanceNorm.backward(kit.gpu, alone));
          await kit.expectClose(again, expected.dInput);
        }
        if (dResidual) {
          await kit.expectClose(dResidual, expected.dResidual);
          kit.run(
            instanceNorm.backward(kit.gpu, { ...call, dResidual: { tensor: dResidual, accumulate: true } }),
          );
          await kit.expectClose(dResidual, scaled(expected.dResidual, 2));
          await kit.expectClose(dWeight, scaled(expected.dWeight, 2), tolerance);
        }
      });
    }

    test('a residual is normed as it is added', async () => {
      const shape = [2, 3, 5, 7, 6];
      const [input, other] = [kit.peaky(shape), kit.peaky(shape)];
      const [weight, bias, otherWeight, otherBias] = [0, 1, 2, 3].map(() => kit.peaky([6])) as Reference[];
      const residual = twin.forward(other, { weight: otherWeight, bias: otherBias, slope: 1 });
      const expected = twin.forward(input, { weight, bias, residual, slope: 0.01 });
      const [x, r] = [kit.upload(input), kit.upload(other)];
      const stats = kit.empty([2, 6, 2]);
      const residualNorm = {
        stats: kit.empty([2, 6, 2]),
        weight: kit.upload(otherWeight),
        bias: kit.upload(otherBias),
      };
      const output = kit.output(shape);
      const call = {
        input: x,
        weight: kit.upload(weight),
        bias: kit.upload(bias),
        output,
        stats,
        slope: 0.01,
      };
      kit.run(instanceNorm.statistics(kit.gpu, { input: r, stats: residualNorm.stats }));
      kit.run(instanceNorm.statistics(kit.gpu, call));
      kit.run(instanceNorm.forward(kit.gpu, { ...call, residual: r, residualNorm }));
      await kit.expectClose(output, expected);
    });

    test('the twin agrees with central differences', () => {
      const shape = [2, 2, 2, 3, 2];
      const x = kit.peaky(shape);
      const parameters = {
        weight: kit.peaky([2]),
        bias: kit.peaky([2]),
        residual: kit.peaky(shape),
        slope: 0.01,
      };
      const g = kit.peaky(shape);
      const back = twin.backward(x, parameters, g);
      expectGradient(kit, x, (v) => dot(twin.forward(v, parameters), g), back.dInput);
      for (const [key, gradient] of [
        ['weight', back.dWeight],
        ['bias', back.dBias],
        ['residual', back.dResidual],
      ] as const) {
        const f = (v: Reference) => dot(twin.forward(x, { ...parameters, [key]: v }), g);
        expectGradient(kit, parameters[key], f, gradient);
      }
    });
  });
}

const scaled = ({ shape, data }: Reference, factor: number) =>
  reference(
    shape,
    data.map((x) => x * factor),
  );
const shifted = ({ shape, data }: Reference, by: number) =>
  reference(
    shape,
    data.map((x) => Math.fround(x + by)),
  );
