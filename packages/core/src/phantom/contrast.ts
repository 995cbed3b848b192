/**
 * Contrast medium: the tissues' Hounsfield units over time.
 * The values are typical of abdominal CT at 120 kV.
 */
import type { Random } from '../random.ts';
import { mix } from './functions.ts';

/**                  none, late arterial (35 s), portal venous (70 s), delayed (3 to 5 min) */
const ENHANCEMENT = {
  liver: [56, 72, 108, 92],
  spleen: [48, 118, 118, 94],
  pancreas: [42, 98, 92, 74],
  cortex: [33, 165, 165, 130],
  medulla: [30, 70, 140, 134],
  urine: [6, 6, 14, 240],
  aorta: [42, 280, 150, 110],
  upperCava: [40, 110, 132, 108],
  lowerCava: [40, 56, 104, 106],
  portalVein: [41, 110, 162, 112],
  hepaticVein: [40, 62, 152, 110],
  adrenal: [28, 70, 74, 56],
  bile: [10, 10, 10, 12],
  gutWall: [38, 78, 86, 72],
  muscle: [54, 58, 63, 62],
  heart: [42, 240, 145, 108],
} as const;

export type Tissue = keyof typeof ENHANCEMENT;
export type Tissues = Readonly<Record<Tissue, number>>;

/** The contrast medium in one patient. */
export interface Contrast {
  /** The phase: 0 without contrast medium, 1 late arterial, 2 portal venous, 3 delayed, or between two of them. */
  readonly phase: number;
  /** The enhancement as a factor of the table's, by dose, weight and heart of this patient. */
  readonly strength: number;
  /** The HU by which fat lowers the liver. */
  readonly steatosis: number;
}

/** A random phase and dose. Half of the scans are portal venous, as in FLARE22; the phases run into each other. */
export function sampleContrast(random: Random): Contrast {
  const draw = random.uniform();
  const around = draw < 0.2 ? 0 : draw < 0.4 ? 1 : draw < 0.85 ? 2 : 3;
  const phase = around === 0 ? 0 : Math.min(3, Math.max(1, random.normal(around, 0.3)));
  const steatosis = random.chance(0.3) ? random.uniform(8, 45) : 0;
  return { phase, strength: random.uniform(0.7, 1.25), steatosis };
}

/**
 * The HU of every tissue in one patient, each off its typical value by a few HU, and by further ones of the given
 * deviation.
 */
export function tissuesOf(contrast: Contrast, deviationHu: number, random: Random): Tissues {
  const { phase, strength, steatosis } = contrast;
  const before = Math.min(2, Math.floor(phase));
  const entries = Object.entries(ENHANCEMENT).map(([tissue, values]) => {
    const enhanced = mix(values[before], values[before + 1], phase - before) - values[0];
    const own = random.normal(0, 3 + 0.06 * enhanced);
    const further = random.fork(tissue).normal(0, deviationHu);
    return [tissue, values[0] + strength * enhanced + own + further - (tissue === 'liver' ? steatosis : 0)];
  });
  return Object.fromEntries(entries) as Record<Tissue, number>;
}
