/**
 * Adam (Kingma & Ba 2015) with L2 weight decay over one flat tensor of parameters, as PyTorch computes it:
 *
 *   m = β1·m + (1 − β1)·g    v = β2·v + (1 − β2)·g²    g = gradient·gradientScale + weightDecay·parameter
 *   parameter −= lr/(1 − β1^step) · m / (√v/√(1 − β2^step) + ε)
 *
 * An overflow flag that is not 0 makes the step leave everything as it is.
 */
import type { Gpu } from '../device.ts';
import { f32, type Launch, setParams } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { elementwise } from './elementwise.ts';

export interface AdamTensors {
  /** The parameters and, like them, f32 of one length: gradients and moments. */
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
  /** u32 [1], see nonFinite.ts. */
  readonly overflow?: Tensor | undefined;
}

/** The settings that change from step to step. */
export interface AdamStep {
  /** The step's number, from 1. */
  readonly step: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The factor that undoes the loss scale; 1 for none. */
  readonly gradientScale: number;
}

/** The launches of a step; `setStep` readies them before each. */
export function adam(gpu: Gpu, { parameters, gradients, m, v, overflow }: AdamTensors): Launch[] {
  return elementwise(gpu, {
    name: 'adam',
    read: { g: gradients },
    write: { w: parameters, m, v },
    whole: overflow && { overflow },
    params: stepParams({
      step: 1,
      learningRate: 0,
      beta1: 0,
      beta2: 0,
      epsilon: 1,
      weightDecay: 0,
      gradientScale: 1,
    }),
    body: `
    ${overflow ? 'if (overflow[0] != 0u) { return; }' : ''}
    let gradient = g[i] * p.gradientScale + p.weightDecay * w[i];
    let mean = p.beta1 * m[i] + p.oneMinusBeta1 * gradient;
    let square = p.beta2 * v[i] + p.oneMinusBeta2 * gradient * gradient;
    m[i] = mean;
    v[i] = square;
    w[i] -= p.stepSize * mean / (sqrt(square) * p.rootScale + p.epsilon);`,
  });
}

/** The bias corrections are computed in double precision, here. */
export function setStep(gpu: Gpu, launches: readonly Launch[], step: AdamStep): void {
  for (const launch of launches) setParams(gpu, launch, stepParams(step));
}

const stepParams = ({ step, learningRate, beta1, beta2, epsilon, weightDecay, gradientScale }: AdamStep) => ({
  beta1: f32(beta1),
  oneMinusBeta1: f32(1 - beta1),
  beta2: f32(beta2),
  oneMinusBeta2: f32(1 - beta2),
  stepSize: f32(learningRate / (1 - beta1 ** step)),
  rootScale: f32(1 / Math.sqrt(1 - beta2 ** step)),
  epsilon: f32(epsilon),
  weightDecay: f32(weightDecay),
  gradientScale: f32(gradientScale),
});
