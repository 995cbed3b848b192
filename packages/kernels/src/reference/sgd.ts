/** Twin of `ops/sgd.ts`: one step, in place. */
import type { SgdStep } from '../ops/sgd.ts';

export function sgd(
  parameters: Float64Array,
  gradients: Float64Array,
  velocity: Float64Array,
  { learningRate, momentum, weightDecay, gradientScale }: SgdStep,
): void {
  for (let i = 0; i < parameters.length; i++) {
    const g = gradients[i]! * gradientScale + weightDecay * parameters[i]!;
    velocity[i] = momentum * velocity[i]! + g;
    parameters[i]! -= learningRate * (g + momentum * velocity[i]!);
  }
}
