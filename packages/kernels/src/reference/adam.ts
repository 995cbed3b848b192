/** Twin of `ops/adam.ts`: one step, in place. */
import type { AdamStep } from '../ops/adam.ts';

export function adam(
  parameters: Float64Array,
  gradients: Float64Array,
  m: Float64Array,
  v: Float64Array,
  { step, learningRate, beta1, beta2, epsilon, weightDecay, gradientScale }: AdamStep,
): void {
  for (let i = 0; i < parameters.length; i++) {
    const g = gradients[i]! * gradientScale + weightDecay * parameters[i]!;
    m[i] = beta1 * m[i]! + (1 - beta1) * g;
    v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
    const mean = m[i]! / (1 - beta1 ** step);
    const square = v[i]! / (1 - beta2 ** step);
    parameters[i]! -= (learningRate * mean) / (Math.sqrt(square) + epsilon);
  }
}
