/** SGD against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import { reference } from '../reference/array.ts';
import * as twin from '../reference/sgd.ts';
import { fromArray, upload } from '../tensor.ts';
import { setStep, sgd } from './sgd.ts';

const HYPER = { learningRate: 0.01, momentum: 0.99, weightDecay: 0.1, gradientScale: 0.5 };

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`sgd, ${name}`, options, (kit) => {
    test.each([1, 1000, 100_000])('%i parameters over three steps', async (size) => {
      const expected = kit.peaky([size]);
      const velocity = reference([size]);
      const tensors = {
        parameters: kit.upload(expected),
        gradients: kit.zeros([size]),
        velocity: kit.zeros([size]),
      };
      const launches = sgd(kit.gpu, tensors);
      for (let step = 1; step <= 3; step++) {
        const gradients = kit.peaky([size]);
        twin.sgd(expected.data, gradients.data, velocity.data, HYPER);
        upload(kit.gpu, tensors.gradients, Float32Array.from(gradients.data));
        setStep(kit.gpu, launches, HYPER);
        kit.submit(launches);
      }
      await kit.expectClose(tensors.parameters, expected);
      await kit.expectClose(tensors.velocity, velocity);
    });
  });
}

onDevice('sgd behind an overflow', {}, (kit) => {
  test('changes nothing', async () => {
    const [parameters, velocity] = [kit.peaky([500]), kit.peaky([500])];
    const tensors = {
      parameters: kit.upload(parameters),
      gradients: kit.upload(kit.peaky([500])),
      velocity: kit.upload(velocity),
      overflow: fromArray(kit.gpu, Uint32Array.of(1), [1]),
    };
    const launches = sgd(kit.gpu, tensors);
    setStep(kit.gpu, launches, HYPER);
    kit.submit(launches);
    await kit.expectClose(tensors.parameters, parameters, 1e-12);
    await kit.expectClose(tensors.velocity, velocity, 1e-12);
  });
});

test('two steps as torch.optim.SGD(nesterov=True) defines them, by hand', () => {
  // w = 1, gradients 0.5 and −0.25
  const [w, v] = [Float64Array.of(1), new Float64Array(1)];
  const hyper = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, gradientScale: 1 };
  twin.sgd(w, Float64Array.of(0.5), v, hyper);
  twin.sgd(w, Float64Array.of(-0.25), v, hyper);
  // g₁ = 0.51, b₁ = 0.51, w₁ = 1 − 0.1·0.969 = 0.9031; g₂ = −0.240969, b₂ = 0.218031, w₂ = w₁ − 0.1·(−0.0447411)
  expect(w[0]).toBeCloseTo(0.90757411, 10);
});
