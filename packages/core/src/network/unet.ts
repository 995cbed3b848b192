/**
 * A U-Net, whatever its stages do: the encoder goes down from the full resolution (stage 0), the decoder comes up again
 * and joins what the encoder had at each resolution.
 *
 *   image → encode 0 ────────────────────────→ decode 0 → head 0: the logits
 *               ↓                                 ↑
 *           encode 1 ─────────→ decode 1 ─────────┤
 *               ↓                   ↑             └→ head 1: logits at a lower resolution
 *           encode 2, the bottleneck
 */
import type { Slot } from './op.ts';

export interface UnetParts {
  readonly stages: number;
  /** The encoder's stage, of what the stage above gave; of the image at stage 0. */
  encode(x: Slot, stage: number): Slot;
  /** The decoder's stage, of what the stage below gave and of what the encoder's had at this resolution. */
  decode(below: Slot, skip: Slot, stage: number): Slot;
  /** Logits of what the decoder's stage gave. */
  head(x: Slot, stage: number): Slot;
  /** The further outputs: those of stages 1 to `coarseOutputs`. */
  readonly coarseOutputs: number;
}

/** The logits, then those at lower resolutions. */
export function unet(image: Slot, { stages, encode, decode, head, coarseOutputs }: UnetParts): Slot[] {
  const skips: Slot[] = [];
  let x = image;
  for (let stage = 0; stage < stages; stage++) {
    x = encode(x, stage);
    skips.push(x);
  }
  const outputs: Slot[] = [];
  for (let stage = stages - 2; stage >= 0; stage--) {
    x = decode(x, skips[stage]!, stage);
    // Before the stage that follows: going backward, that one's gradient is assigned, a convolution's then added.
    if (stage <= coarseOutputs) outputs.unshift(head(x, stage));
  }
  return outputs;
}
