/**
 * Exponential moving average of parameters (Tarvainen & Valpola 2017):
 *
 *   average = decay·average + (1 − decay)·parameter
 *
 * An overflow flag that is not 0 makes the step leave the average as it is.
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, setParams } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { elementwise } from './elementwise.ts';

export interface EmaTensors {
  /** The average and the parameters, f32 of one length. */
  readonly average: Tensor;
  readonly parameters: Tensor;
  /** u32 [1], see nonFinite.ts. */
  readonly overflow?: Tensor | undefined;
}

/** The launches of a step; `setDecay` readies them before each. */
export function ema(gpu: Gpu, { average, parameters, overflow }: EmaTensors): Launch[] {
  return elementwise(gpu, {
    name: 'ema',
    read: { w: parameters },
    write: { a: average },
    whole: overflow && { overflow },
    params: decayParams(0),
    body: `
    ${overflow ? 'if (overflow[0] != 0u) { return; }' : ''}
    a[i] = p.decay * a[i] + p.rest * w[i];`,
  });
}

export function setDecay(gpu: Gpu, launches: readonly Launch[], decay: number): void {
  for (const launch of launches) setParams(gpu, launch, decayParams(decay));
}

const decayParams = (decay: number) => ({ decay: f32(decay), rest: f32(1 - decay) });
