/** Adam against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/adam.ts';
import { reference } from '../reference/array.ts';
import { upload } from '../tensor.ts';
import { adam, setStep } from './adam.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`adam, ${name}`, options, (kit) => {
    test.each([1, 1000, 100_000])('%i parameters over three steps', async (size) => {
      const expected = kit.peaky([size]);
      const [m, v] = [reference([size]), reference([size])];
      const tensors = {
        parameters: kit.upload(expected),
        gradients: kit.zeros([size]),
        m: kit.zeros([size]),
        v: kit.zeros([size]),
      };
      const launches = adam(kit.gpu, tensors);
      for (let step = 1; step <= 3; step++) {
        const gradients = kit.peaky([size]);
        const hyper = {
          step,
          learningRate: 0.01,
          beta1: 0.9,
          beta2: 0.999,
          epsilon: 1e-8,
          weightDecay: 0.05,
          gradientScale: 0.5,
        };
        twin.adam(expected.data, gradients.data, m.data, v.data, hyper);
        upload(kit.gpu, tensors.gradients, Float32Array.from(gradients.data));
        setStep(kit.gpu, launches, hyper);
        kit.submit(launches);
      }
      await kit.expectClose(tensors.parameters, expected);
      await kit.expectClose(tensors.m, m);
      await kit.expectClose(tensors.v, v);
    });
  });
}
