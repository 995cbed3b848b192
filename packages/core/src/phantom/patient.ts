/**
 * What differs from one patient to the next. Everything here is a plain number, so that a cohort is a choice of
 * how these are drawn.
 */
import type { Random } from '../random.ts';
import type { Xyz } from '../volume/volume.ts';
import { type Contrast, sampleContrast } from './contrast.ts';
import { clamp } from './functions.ts';

export interface Patient {
  /** Size along x, y, z against the atlas. */
  readonly scale: Xyz;
  /** How he lies: degrees about x, y, z. */
  readonly poseDeg: Xyz;
  /** Deviation in mm of the smooth deformation of the whole trunk. */
  readonly bendMm: number;
  /** Height of the lumbar lordosis and of the thoracic kyphosis. */
  readonly lordosisMm: number;
  /** Thickness of the fat under the skin. */
  readonly subcutaneousMm: number;
  /** Fat inside the abdomen: 0 lean, 1 much. */
  readonly visceral: number;
  /** Thickness of the muscles against the atlas. */
  readonly muscle: number;
  /** Height of the diaphragm over the atlas's. */
  readonly breathMm: number;
  /** 0 young, 1 old: calcified aorta, thin bone, lobulated fatty pancreas, fat in muscles. */
  readonly age: number;
  /** How full of air and fluid: 0 collapsed, 1 distended. */
  readonly stomachFill: number;
  readonly bowelFill: number;
  /** HU of what was drunk before the scan: water, or positive oral contrast medium. */
  readonly oralHu: number;
  readonly contrast: Contrast;
}

export function samplePatient(random: Random): Patient {
  const visceral = clamp(random.normal(0.4, 0.28), 0, 1);
  const height = clamp(random.normal(1, 0.05), 0.88, 1.12);
  return {
    scale: [
      clamp(random.normal(0.98 + 0.1 * (visceral - 0.4), 0.05), 0.84, 1.14),
      clamp(random.normal(0.98 + 0.26 * (visceral - 0.4), 0.06), 0.8, 1.24),
      height,
    ],
    poseDeg: [random.normal(0, 3), random.normal(0, 2.5), random.normal(0, 4)],
    bendMm: random.uniform(3, 6),
    lordosisMm: random.uniform(6, 26),
    subcutaneousMm: clamp(7 + 14 * visceral + random.normal(0, 6), 3, 42),
    visceral,
    muscle: clamp(random.normal(1, 0.13), 0.7, 1.3),
    breathMm: random.normal(0, 9),
    age: random.uniform(),
    stomachFill: random.uniform(),
    bowelFill: random.uniform(),
    oralHu: random.chance(0.3) ? random.uniform(120, 420) : random.uniform(0, 30),
    contrast: sampleContrast(random),
  };
}

/**
 * The same patient as one hospital's protocol scans him: portal venous, a fitted dose, water to drink; and none with
 * a fatty liver, as if they had been chosen. Anatomy and scanner vary as elsewhere.
 */
export function atOneCentre(patient: Patient): Patient {
  const { contrast, oralHu } = patient;
  return {
    ...patient,
    oralHu: oralHu % 30,
    contrast: {
      phase: 2 + 0.1 * (contrast.phase - 2),
      strength: clamp(contrast.strength, 0.9, 1.1),
      steatosis: 0,
    },
  };
}
