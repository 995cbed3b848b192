/** The moving average against the float64 twin. */
import { test } from 'vitest';
import { DEVICES, onDevice } from '../../test/harness.ts';
import * as twin from '../reference/ema.ts';
import { ema, setDecay } from './ema.ts';

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`ema, ${name}`, options, (kit) => {
    test.each([1, 1000, 100_000])('%i parameters over two steps', async (size) => {
      const [average, parameters] = [kit.peaky([size]), kit.peaky([size])];
      const tensors = { average: kit.upload(average), parameters: kit.upload(parameters) };
      const launches = ema(kit.gpu, tensors);
      for (const decay of [0.5, 0.99]) {
        setDecay(kit.gpu, launches, decay);
        kit.submit(launches);
        twin.ema(average.data, parameters.data, decay);
      }
      await kit.expectClose(tensors.average, average);
    });
  });
}
