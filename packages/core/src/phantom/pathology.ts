/** What sets a patient apart from the common one: organs taken out or grown, fluid where none belongs, metal. */
import type { Random } from '../random.ts';

/** The organs that surgeons take out whole. */
export type Removable = 'gallbladder' | 'spleen' | 'right kidney' | 'left kidney';

export interface Pathology {
  readonly removed: readonly Removable[];
  /** The thickness in mm of the fluid along the walls of the abdomen, and its depth in mm in the chest. */
  readonly ascitesMm: number;
  readonly effusionMm: number;
  /** The size of liver and spleen as a factor of what they would measure. */
  readonly liver: number;
  readonly spleen: number;
  /** Whether the arms lie beside the trunk. */
  readonly armsDown: boolean;
}

export const HEALTHY: Pathology = {
  removed: [],
  ascitesMm: 0,
  effusionMm: 0,
  liver: 1,
  spleen: 1,
  armsDown: false,
};

const REMOVED: readonly (readonly [Removable, number])[] = [
  ['gallbladder', 0.1],
  ['spleen', 0.03],
  ['right kidney', 0.03],
  ['left kidney', 0.03],
];

/** A random pathology, each kind of it in more patients than in life. */
export function samplePathology(random: Random): Pathology {
  return {
    removed: REMOVED.filter(([organ, share]) => random.fork(organ).chance(share)).map(([organ]) => organ),
    ascitesMm: random.chance(0.12) ? random.uniform(5, 40) : 0,
    effusionMm: random.chance(0.15) ? random.uniform(15, 90) : 0,
    liver: random.chance(0.2) ? random.uniform(0.85, 1.2) : 1,
    spleen: random.chance(0.15) ? random.uniform(1.1, 1.5) : 1,
    armsDown: random.chance(0.15),
  };
}
