/**
 * Phantoms drawn wider than nature. What is to find organs in scans of any origin learns from more kinds of scans than
 * there are (Billot et al., SynthSeg, Medical Image Analysis 2023).
 */
import type { Random } from '../random.ts';
import { xyz } from '../volume/volume.ts';
import type { Detector } from './detector.ts';
import { clamp } from './functions.ts';
import { samplePathology } from './pathology.ts';
import type { Patient } from './patient.ts';
import type { Extent } from './shapes.ts';

/** What scans of something else show, heads most often. */
const ELSEWHERE = ['head', 'head', 'thighs', 'hands'] as const;

/** The same patient with sizes, fat, contrast medium and tissues' HU further from the common ones. */
export function widenedPatient(patient: Patient, random: Random): Patient {
  const { scale, contrast } = patient;
  const visceral = random.uniform();
  return {
    ...patient,
    scale: xyz((axis) => clamp(scale[axis] * Math.exp(random.normal(0, 0.06)), 0.74, 1.34)),
    bendMm: random.uniform(3, 10),
    breathMm: 1.6 * patient.breathMm,
    visceral,
    subcutaneousMm: clamp(3 + 40 * visceral * random.uniform() + random.uniform(0, 10), 3, 50),
    variety: random.fork('variety').uniform(0.3, 1),
    colonGas: random.uniform(0, 0.8),
    highColon: random.fork('high colon').chance(0.4) ? random.fork('height').uniform(0.3, 1) : 0,
    pathology: samplePathology(random.fork('pathology')),
    region: random.fork('elsewhere').chance(0.07) ? random.fork('region').pick(ELSEWHERE) : 'trunk',
    oralHu: random.chance(0.35) ? random.uniform(60, 700) : random.uniform(-20, 50),
    contrast: {
      ...widenedPhase(contrast.phase, random),
      steatosis: random.chance(0.35) ? random.uniform(5, 60) : 0,
    },
    tissueDeviationHu: random.uniform(0, 30),
  };
}

/** Any phase, early arterial ones with much contrast medium among them. */
function widenedPhase(phase: number, random: Random): { phase: number; strength: number } {
  const usual = {
    phase: random.chance(0.5) ? random.uniform(0, 3) : phase,
    strength: random.uniform(0.4, 1.6),
  };
  const early = random.fork('early');
  return early.chance(0.15) ? { phase: early.uniform(0.8, 1.4), strength: early.uniform(0.9, 2.2) } : usual;
}

/** A field of view that runs on into pelvis or chest in some, and is cut to a slab or from the sides in some. */
export function widenedView({ min, max }: Extent, random: Random): Extent {
  const [low, high] = [[...min], [...max]];
  if (random.chance(0.35)) low[2]! -= random.uniform(0, 150);
  if (random.chance(0.25)) high[2]! += random.uniform(0, 120);
  if (random.chance(0.4)) {
    const height = random.uniform(30, random.chance(0.5) ? 90 : high[2]! - low[2]!);
    low[2] = random.uniform(low[2]!, high[2]! - height);
    high[2] = low[2] + height;
  }
  if (random.chance(0.3))
    for (const axis of [0, 1]) {
      low[axis]! += random.uniform(0, 45);
      high[axis]! -= random.uniform(0, 45);
    }
  return { min: xyz((axis) => low[axis]!), max: xyz((axis) => high[axis]!) };
}

/** From half to three times the noise, and from sharp to smooth kernels whatever the noise. */
export const widenedDetector = ({ noiseHu }: Detector, random: Random): Detector => ({
  noiseHu: noiseHu * Math.exp(random.uniform(-0.7, 1.1)),
  blurMm: random.uniform(0.4, 2.2),
  clips: random.chance(0.1) ? 1 + random.int(3) : 0,
});
