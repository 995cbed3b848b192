/** MONAI's SegResNet (Myronenko 2018, without the autoencoder): norms before convolutions, sums instead of joins. */
import { GROUPS, type SegResNetConfig } from './networkConfig.ts';
import type { Slot } from './op.ts';
import type { Layers } from './tape.ts';

/** Twice norm → act → conv, plus the input. */
function block(tape: Layers, x: Slot, name: string): Slot {
  const filters = x.shape[4]!;
  let y = tape.groupNorm(x, `${name}.norm1`, GROUPS);
  y = tape.conv3d(y, `${name}.conv1.conv`, { filters, kernel: [3, 3, 3] });
  y = tape.groupNorm(y, `${name}.norm2`, GROUPS);
  y = tape.conv3d(y, `${name}.conv2.conv`, { filters, kernel: [3, 3, 3] });
  return tape.add(y, x, name);
}

/** The logits of a SegResNet. */
export function segResNet(tape: Layers, image: Slot, config: SegResNetConfig): Slot[] {
  const { initFilters, blocksDown, blocksUp, classes } = config;
  const levels: Slot[] = [];
  let x = tape.conv3d(image, 'convInit.conv', { filters: initFilters, kernel: [3, 3, 3] });
  for (const [level, count] of blocksDown.entries()) {
    const name = `down_layers.${level}`;
    const filters = initFilters * 2 ** level;
    if (level > 0) x = tape.conv3d(x, `${name}.0.conv`, { filters, kernel: [3, 3, 3], stride: [2, 2, 2] });
    for (let i = 1; i <= count; i++) x = block(tape, x, `${name}.${i}`);
    levels.push(x);
  }
  for (const [i, count] of blocksUp.entries()) {
    const skip = levels[blocksUp.length - 1 - i]!;
    const up = tape.conv3d(x, `up_samples.${i}.0.conv`, { filters: skip.shape[4]!, kernel: [1, 1, 1] });
    x = tape.add(tape.upsample2(up, `up_samples.${i}.1`), skip, `up_samples.${i}`);
    for (let n = 0; n < count; n++) x = block(tape, x, `up_layers.${i}.${n}`);
  }
  x = tape.groupNorm(x, 'conv_final.0', GROUPS);
  return [tape.conv3d(x, 'conv_final.2.conv', { filters: classes, kernel: [1, 1, 1], bias: true })];
}
