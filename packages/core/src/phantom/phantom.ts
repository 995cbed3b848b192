/** One phantom: an abdominal CT and its labels, made from a seed. */
import type { Random } from '../random.ts';
import { type Volume, type Xyz, xyz } from '../volume/volume.ts';
import { anatomyOf } from './anatomy/anatomy.ts';
import { extentOf } from './anatomy/elsewhere.ts';
import { skinOf } from './anatomy/wall.ts';
import type { Deformation } from './deformation.ts';
import { acquire, type Detector, sampleDetector } from './detector.ts';
import { type GridOptions, sampleGrid } from './grid.ts';
import { type Patient, samplePatient } from './patient.ts';
import { newPlace } from './place.ts';
import type { Extent } from './shapes.ts';
import { table } from './table.ts';
import { trunkOf } from './trunk.ts';
import { voxelise } from './voxelise.ts';

/** A generated case. */
export interface Phantom {
  readonly patient: Patient;
  readonly image: Volume<Int16Array>;
  readonly labels: Volume<Uint8Array>;
}

/** What changes that which was drawn of the patient, the field of view and the scanner. */
export interface Protocol {
  readonly patient?: (patient: Patient, random: Random) => Patient;
  readonly view?: (view: Extent, random: Random) => Extent;
  readonly detector?: (detector: Detector, random: Random) => Detector;
}

/** Makes a phantom. */
export function makePhantom(random: Random, options: GridOptions = {}, protocol: Protocol = {}): Phantom {
  const own = random.fork('protocol');
  const drawn = samplePatient(random.fork('patient'));
  const patient = protocol.patient?.(drawn, own.fork('patient')) ?? drawn;
  const { deformation, parts } = anatomyOf(patient, random.fork('anatomy'));
  const scan = random.fork('scan');
  const { region } = patient;
  const body = region === 'trunk' ? bodyOnTable(patient, deformation) : extentOf(parts, region);
  const originMm: Xyz = [scan.uniform(-40, 40), scan.uniform(-180, 20), scan.uniform(-300, 600)];
  const wholeView = region === 'trunk' ? sampleView(patient, body, scan) : body;
  const view = protocol.view?.(wholeView, own.fork('view')) ?? wholeView;
  const grid = sampleGrid(view, originMm, options, scan);
  const scene = {
    deformation,
    locateInTrunk: trunkOf(patient),
    parts: [table(body.min[1] - 3, scan), ...parts],
    originMm,
  };
  const { hu, labels } = voxelise(scene, grid);
  const common = sampleDetector(scan);
  const detector = protocol.detector?.(common, own.fork('detector')) ?? common;
  const image = acquire(hu, grid, detector, random.fork('noise'));
  return { patient, image: { ...grid, data: image }, labels: { ...grid, data: labels } };
}

/** The box that the skin fills at the heights of the abdomen, to the nearest sample. */
function bodyOnTable(patient: Patient, deformation: Deformation): Extent {
  const place = newPlace(1);
  const locateInTrunk = trunkOf(patient);
  const skin = skinOf(patient);
  const low = [0, 0, -150];
  const high = [0, 0, 170];
  for (let z = low[2]; z <= high[2]; z += 16) {
    for (let y = -200; y <= 260; y += 4) {
      for (let x = -260; x <= 260; x += 4) {
        deformation.locate(x, y, z, place);
        locateInTrunk(place);
        if (skin(place) > 0) continue;
        low[0] = Math.min(low[0], x);
        high[0] = Math.max(high[0], x);
        low[1] = Math.min(low[1], y);
        high[1] = Math.max(high[1], y);
      }
    }
  }
  return { min: xyz((axis) => low[axis]), max: xyz((axis) => high[axis]) };
}

/** The field of view: to below the kidneys, above most domes; seldom with the skin cut off. */
function sampleView({ scale, breathMm }: Patient, body: Extent, random: Random): Extent {
  const side = () => random.uniform(-6, 34);
  const top = (128 + breathMm) * scale[2] + random.uniform(-12, 55);
  const bottom = -78 * scale[2] - random.uniform(0, 85);
  return {
    min: [body.min[0] - side(), body.min[1] - random.uniform(4, 45), bottom],
    max: [body.max[0] + side(), body.max[1] + side(), top],
  };
}
