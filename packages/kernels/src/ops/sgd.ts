/**
 * SGD with Nesterov momentum and L2 weight decay over one flat tensor of parameters, as PyTorch computes it:
 *
 *   g = gradient·gradientScale + weightDecay·parameter
 *   velocity = momentum·velocity + g
 *   parameter −= lr·(g + momentum·velocity)
 *
 * An overflow flag that is not 0 makes the step leave everything as it is.
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, setParams } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { elementwise } from './elementwise.ts';

export interface SgdTensors {
  /** The parameters and, like them, f32 of one length: gradients and velocity. */
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  readonly velocity: Tensor;
  /** u32 [1], see nonFinite.ts. */
  readonly overflow?: Tensor | undefined;
}

export interface SgdStep {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  /** The factor that undoes the loss scale; 1 for none. */
  readonly gradientScale: number;
}

/** The launches of a step; `setStep` readies them before each. */
export function sgd(gpu: Gpu, { parameters, gradients, velocity, overflow }: SgdTensors): Launch[] {
  return elementwise(gpu, {
    name: 'sgd',
    read: { g: gradients },
    write: { w: parameters, v: velocity },
    whole: overflow && { overflow },
    params: stepParams({ learningRate: 0, momentum: 0, weightDecay: 0, gradientScale: 1 }),
    body: `
    ${overflow ? 'if (overflow[0] != 0u) { return; }' : ''}
    let gradient = g[i] * p.gradientScale + p.weightDecay * w[i];
    let velocity = p.momentum * v[i] + gradient;
    v[i] = velocity;
    w[i] -= p.learningRate * (gradient + p.momentum * velocity);`,
  });
}

export function setStep(gpu: Gpu, launches: readonly Launch[], step: SgdStep): void {
  for (const launch of launches) setParams(gpu, launch, stepParams(step));
}

const stepParams = ({ learningRate, momentum, weightDecay, gradientScale }: SgdStep) => ({
  learningRate: f32(learningRate),
  momentum: f32(momentum),
  weightDecay: f32(weightDecay),
  gradientScale: f32(gradientScale),
});
