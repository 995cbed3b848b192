/** The whole anatomy of one patient, in the order in which it is painted. */
import { FLARE22_ORGANS } from '../../organs.ts';
import type { Random } from '../../random.ts';
import { tissuesOf } from '../contrast.ts';
import { Deformation } from '../deformation.ts';
import { Noise } from '../noise.ts';
import type { Build, Part } from '../parts.ts';
import type { Removable } from '../pathology.ts';
import type { Patient } from '../patient.ts';
import { adrenal } from './adrenals.ts';
import { arms } from './arms.ts';
import { bowel } from './bowel.ts';
import { elsewhere } from './elsewhere.ts';
import { ascites, effusion } from './fluid.ts';
import { duodenum, esophagus, stomach } from './gut.ts';
import { kidney } from './kidneys.ts';
import { gallbladder, liver } from './liver.ts';
import { pancreas } from './pancreas.ts';
import { pelvis } from './pelvis.ts';
import { skeleton } from './skeleton.ts';
import { spleen } from './spleen.ts';
import { thorax } from './thorax.ts';
import { aorta, otherVessels, venaCava } from './vessels.ts';
import { wall } from './wall.ts';

const id = (organ: string): number => FLARE22_ORGANS.find(({ longName }) => longName === organ)!.id;

export interface Anatomy {
  readonly deformation: Deformation;
  readonly parts: readonly Part[];
}

export function anatomyOf(patient: Patient, random: Random): Anatomy {
  const deformation = new Deformation(patient, random.fork('deformation'));
  const build: Build = {
    patient,
    deformation,
    tissues: tissuesOf(patient.contrast, patient.tissueDeviationHu, random.fork('tissues')),
    noise: new Noise(random.fork('texture')),
    stream: (organ) => random.fork(organ),
  };
  if (patient.region !== 'trunk') return { deformation, parts: elsewhere(build, patient.region) };
  const right = kidney(build, 1, id('right kidney'));
  const left = kidney(build, -1, id('left kidney'));
  const has = (organ: Removable) => !patient.pathology.removed.includes(organ);
  const parts = [
    ...wall(build),
    ...skeleton(build),
    ...thorax(build),
    ...effusion(build),
    ...ascites(build),
    ...bowel(build),
    ...pelvis(build),
    right.fat,
    left.fat,
    ...(has('spleen') ? [spleen(build, left.hull, id('spleen'))] : []),
    liver(build, right.hull, id('liver')),
    stomach(build, id('stomach')),
    ...otherVessels(build),
    pancreas(build, id('pancreas')),
    ...(has('gallbladder') ? [gallbladder(build, id('gallbladder'))] : []),
    duodenum(build, id('duodenum')),
    ...(has('right kidney') ? right.parts : []),
    ...(has('left kidney') ? left.parts : []),
    adrenal(build, 1, id('right adrenal gland')),
    adrenal(build, -1, id('left adrenal gland')),
    esophagus(build, id('esophagus')),
    venaCava(build, id('inferior vena cava')),
    aorta(build, id('aorta')),
    ...arms(build),
  ];
  return { deformation, parts };
}
