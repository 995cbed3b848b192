/**
 * Dynamic loss scaling (Micikevicius et al. 2018, "Mixed precision training"), as PyTorch's GradScaler: f16 gradients
 * are kept from vanishing by a scale that grows while they are finite and falls when they are not.
 */
import { z } from 'zod';

const INITIAL_SCALE = 65536;
const GROWTH = 2;
const GROWTH_STEPS = 2000;
const BACKOFF = 0.5;
/** Below it the gradients overflow whatever their scale. */
const LOWEST_SCALE = 2 ** -24;

const count = z.int().nonnegative();
export const lossScaleState = z.object({
  scale: z.number().positive(),
  /** Steps since the scale last changed. */
  goodSteps: count,
  /** Steps in all whose gradients were not finite, and which changed nothing. */
  skippedSteps: count,
});
export type LossScaleState = Readonly<z.infer<typeof lossScaleState>>;

export const INITIAL_LOSS_SCALE: LossScaleState = { scale: INITIAL_SCALE, goodSteps: 0, skippedSteps: 0 };

/** The state after a step. Throws where the gradients overflow at any scale. */
export function afterStep(state: LossScaleState, overflowed: boolean): LossScaleState {
  const { scale, goodSteps, skippedSteps } = state;
  if (overflowed) {
    const lower = scale * BACKOFF;
    if (lower < LOWEST_SCALE) {
      throw new Error('training: gradients are not finite at any loss scale; try precision=f32');
    }
    return { scale: lower, goodSteps: 0, skippedSteps: skippedSteps + 1 };
  }
  if (goodSteps + 1 < GROWTH_STEPS) return { ...state, goodSteps: goodSteps + 1 };
  return { scale: scale * GROWTH, goodSteps: 0, skippedSteps };
}
