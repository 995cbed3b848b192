/** The scanner's table under the patient. */
import type { Random } from '../random.ts';
import { mix } from './functions.ts';
import { coverage, type Part } from './parts.ts';
import { EVERYWHERE } from './shapes.ts';

/** A curved shell of carbon fibre around foam, its top at `topMm` (table frame) under the patient's back. */
export function table(topMm: number, random: Random): Part {
  const curve = random.uniform(900, 2600);
  const thick = random.uniform(22, 55);
  const halfWidth = random.uniform(190, 235);
  const shell = random.uniform(-50, 350);
  return {
    solid: {
      bounds: EVERYWHERE,
      distance: (p) => {
        const top = topMm + (p.tableX * p.tableX) / curve;
        return Math.max(Math.abs(p.tableY - top + thick / 2) - thick / 2, Math.abs(p.tableX) - halfWidth);
      },
    },
    hu: (p, distance) => mix(shell, -930, coverage(distance + 2, p.voxelMm)),
    label: 0,
  };
}
