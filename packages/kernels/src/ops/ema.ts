/**
 * Exponential moving average of parameters (Tarvainen & Valpola 2017):
 *
 *   average = decay·average + (1 − decay)·parameter
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, prepare, setParams } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges } from '../windows.ts';
import { mapElements, mapInvocations } from './wgsl.ts';

/** Both f32 and of one length. Launches that `setDecay` readies for each step. */
export function ema(gpu: Gpu, { average, parameters }: { average: Tensor; parameters: Tensor }): Launch[] {
  const rows = [average, parameters].map((tensor) => ({ tensor, rowElements: 1 }));
  return rowRanges(gpu, elementCount(average.shape), rows, 256).map(([start, end]) => {
    const view = (tensor: Tensor) => ({ tensor, start, count: end - start });
    return prepare(gpu, {
      name: 'ema',
      read: { w: view(parameters) },
      write: { a: view(average) },
      params: decayParams(0),
      code: mapElements('a[i] = p.decay * a[i] + p.rest * w[i];', 'arrayLength(&a)'),
      invocations: mapInvocations(end - start),
    });
  });
}

export function setDecay(gpu: Gpu, launches: readonly Launch[], decay: number): void {
  for (const launch of launches) setParams(gpu, launch, decayParams(decay));
}

const decayParams = (decay: number) => ({ decay: f32(decay), rest: f32(1 - decay) });
