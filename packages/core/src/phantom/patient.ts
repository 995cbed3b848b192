/**
 * A patient: what differs from one to the next. Everything here is a plain number, so that a cohort is a choice of
 * how these are drawn.
 */
import type { Random } from '../random.ts';
import type { Xyz } from '../volume/volume.ts';
import { type Contrast, sampleContrast } from './contrast.ts';
import { clamp } from './functions.ts';
import { HEALTHY, type Pathology } from './pathology.ts';

/** What else than the trunk a scan may show. */
export type Elsewhere = 'head' | 'thighs' | 'hands';

/** One patient as he was scanned. */
export interface Patient {
  /** The size along x, y, z as a factor of the atlas's. */
  readonly scale: Xyz;
  /** The turn of his body on the table, degrees about x, y, z. */
  readonly poseDeg: Xyz;
  /** The deviation of the smooth deformation of the whole trunk. */
  readonly bendMm: number;
  /** The height of the lumbar lordosis and of the thoracic kyphosis. */
  readonly lordosisMm: number;
  /** The thickness of the fat under the skin. */
  readonly subcutaneousMm: number;
  /** The fat inside the abdomen: 0 lean, 1 much. */
  readonly visceral: number;
  /** The thickness of the muscles as a factor of the atlas's. */
  readonly muscle: number;
  /** The height of the diaphragm over the atlas's. */
  readonly breathMm: number;
  /** The age, 0 young to 1 old: calcified aorta, thin bone, lobulated fatty pancreas, fat in muscles. */
  readonly age: number;
  /** The air and fluid in stomach and bowel: 0 collapsed, 1 distended. */
  readonly stomachFill: number;
  readonly bowelFill: number;
  /** How far stomach, bowel and pancreas lie and look from the common: 0 as drawn, 1 far. */
  readonly variety: number;
  /** More gas in the colon than is common, from 0 to 1. */
  readonly colonGas: number;
  /** The height of the colon's left flexure: 0 below the spleen, 1 in front of it under the dome, full of gas. */
  readonly highColon: number;
  readonly pathology: Pathology;
  /** What the scan shows. */
  readonly region: 'trunk' | Elsewhere;
  /** The HU of what was drunk before the scan: water, or positive oral contrast medium. */
  readonly oralHu: number;
  readonly contrast: Contrast;
  /** The deviation by which tissues are off what is typical, beside what differs from one patient to the next. */
  readonly tissueDeviationHu: number;
}

/** A random patient. */
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
    variety: 0,
    colonGas: 0,
    highColon: 0,
    pathology: HEALTHY,
    region: 'trunk',
    oralHu: random.chance(0.3) ? random.uniform(120, 420) : random.uniform(0, 30),
    contrast: sampleContrast(random),
    tissueDeviationHu: 0,
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
