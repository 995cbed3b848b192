/**
 * Exponential moving average of parameters (Tarvainen & Valpola 2017):
 *
 *   average = decay·average + (1 − decay)·parameter
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, setParams } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { elementwise } from './elementwise.ts';

/** Both f32 and of one length. Launches that `setDecay` readies for each step. */
export function ema(gpu: Gpu, { average, parameters }: { average: Tensor; parameters: Tensor }): Launch[] {
  return elementwise(gpu, {
    name: 'ema',
    read: { w: parameters },
    write: { a: average },
    params: decayParams(0),
    body: 'a[i] = p.decay * a[i] + p.rest * w[i];',
  });
}

export function setDecay(gpu: Gpu, launches: readonly Launch[], decay: number): void {
  for (const launch of launches) setParams(gpu, launch, decayParams(decay));
}

const decayParams = (decay: number) => ({ decay: f32(decay), rest: f32(1 - decay) });
