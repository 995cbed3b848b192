/** Batch norm, as instance norm with told statistics, forward and backward, against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, dot, expectGradient, type Kit, onDevice } from '../../test/harness.ts';
import { type Reference, reference } from '../reference/array.ts';
import * as twin from '../reference/batchNorm.ts';
import * as batchNorm from './batchNorm.ts';
import * as instanceNorm from './instanceNorm.ts';

const CASES = [
  { shape: [1, 2, 3, 5, 1], slope: 1 },
  { shape: [2, 5, 7, 9, 6], slope: 0 },
  { shape: [2, 11, 13, 12, 20], slope: 0.01 },
];

function draw(kit: Kit, channels: number) {
  const [weight, bias, mean, some] = [0, 1, 2, 3].map(() => kit.peaky([channels])) as [
    Reference,
    Reference,
    Reference,
    Reference,
  ];
  // A variance of almost 0 tells whether ε is there.
  const variance = some.data.map((x, i) => Math.fround(i === 0 ? 1e-6 : 0.1 + x * x));
  return { weight, bias, mean, variance: reference([channels], variance) };
}

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`batchNorm, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape, slope $slope`, async ({ shape, slope }) => {
        const [batch, channels] = [shape[0]!, shape[4]!];
        const input = kit.peaky(shape, dtype);
        const parameters = { ...draw(kit, channels), slope };
        const stats = kit.empty([batch, channels, 2]);
        const [mean, variance] = [kit.upload(parameters.mean), kit.upload(parameters.variance)];
        kit.run([batchNorm.statistics(kit.gpu, { mean, variance, stats })]);
        const output = kit.output(shape, dtype);
        const [weight, bias] = [kit.upload(parameters.weight), kit.upload(parameters.bias)];
        const call = { input: kit.upload(input, dtype), weight, output, stats, slope };
        kit.run(instanceNorm.forward(kit.gpu, { ...call, bias }));
        await kit.expectClose(output, twin.forward(input, parameters));

        const dOutput = kit.peaky(shape, dtype);
        const expected = twin.backward(input, parameters, dOutput);
        const dInput = kit.output(shape, dtype);
        const [dWeight, dBias] = [kit.zeros([channels]), kit.zeros([channels])];
        const back = { ...call, isTold: true, dOutput: kit.upload(dOutput, dtype), dInput, dWeight, dBias };
        kit.run(instanceNorm.backward(kit.gpu, back));
        const tolerance = dtype === 'f32' ? 1e-5 : 5e-3;
        await kit.expectClose(dInput, expected.dInput, tolerance);
        await kit.expectClose(dWeight, expected.dWeight, tolerance);
        await kit.expectClose(dBias, expected.dBias, tolerance);
      });
    }

    test('the twin agrees with central differences', () => {
      const x = kit.peaky([2, 2, 3, 2, 6]);
      const parameters = { ...draw(kit, 6), slope: 0.01 };
      const g = kit.peaky(x.shape);
      const { dInput, dWeight, dBias } = twin.backward(x, parameters, g);
      const { weight, bias } = parameters;
      const loss = (of: Partial<typeof parameters>, input = x) =>
        dot(twin.forward(input, { ...parameters, ...of }), g);
      expectGradient(kit, x, (v) => loss({}, v), dInput, 1e-4);
      expectGradient(kit, weight, (v) => loss({ weight: v }), dWeight, 1e-4);
      expectGradient(kit, bias, (v) => loss({ bias: v }), dBias, 1e-4);
    });
  });
}
