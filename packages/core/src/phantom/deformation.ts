/** The shape of one patient against the atlas: pose, size, and a smooth deformation. */
import type { Random } from '../random.ts';
import type { Xyz } from '../volume/volume.ts';
import { clamp, mix, profile } from './functions.ts';
import { Noise } from './noise.ts';
import type { Patient } from './patient.ts';
import type { Place } from './place.ts';
import { rotation } from './rotation.ts';

const LATTICE_MM = 20;
const LOW: Xyz = [-260, -180, -300];
const COUNT: Xyz = [27, 21, 31];

/**
 * The map from a point of the table to its place in the atlas: turned back by the patient's pose, divided by his size,
 * displaced by a smooth random field (long waves that bend the whole trunk, shorter ones that dent organs), and
 * its spine straightened. Everything moves together, so what touches still touches.
 */
export class Deformation {
  private readonly turn: readonly Xyz[];
  private readonly patient: Patient;
  private readonly lordosis: (z: number) => number;
  /** Displacement in mm, x y z interleaved, on a lattice over the atlas. */
  private readonly field: Float64Array;

  constructor(patient: Patient, random: Random) {
    this.patient = patient;
    this.turn = rotation(patient.poseDeg);
    const h = patient.lordosisMm;
    this.lordosis = profile([
      [-230, -2.2 * h],
      [-130, -0.5 * h],
      [-40, 0.2 * h],
      [60, -0.3 * h],
      [170, -1.4 * h],
      [260, -1.6 * h],
    ]);
    this.field = displacement(patient.bendMm, random);
  }

  /** Sets the place's table and atlas positions. */
  locate(tableX: number, tableY: number, tableZ: number, place: Place): void {
    const { turn, field } = this;
    const { scale } = this.patient;
    const [rx, ry, rz] = turn;
    const x = (rx[0] * tableX + ry[0] * tableY + rz[0] * tableZ) / scale[0];
    const y = (rx[1] * tableX + ry[1] * tableY + rz[1] * tableZ) / scale[1];
    const z = (rx[2] * tableX + ry[2] * tableY + rz[2] * tableZ) / scale[2];

    const gx = clamp((x - LOW[0]) / LATTICE_MM, 0, COUNT[0] - 1.001);
    const gy = clamp((y - LOW[1]) / LATTICE_MM, 0, COUNT[1] - 1.001);
    const gz = clamp((z - LOW[2]) / LATTICE_MM, 0, COUNT[2] - 1.001);
    const ix = Math.floor(gx);
    const iy = Math.floor(gy);
    const iz = Math.floor(gz);
    const tx = gx - ix;
    const ty = gy - iy;
    const tz = gz - iz;
    const corner = 3 * (ix + COUNT[0] * (iy + COUNT[1] * iz));
    const down = 3 * COUNT[0];
    const deep = down * COUNT[1];
    const w00 = (1 - ty) * (1 - tz);
    const w10 = ty * (1 - tz);
    const w01 = (1 - ty) * tz;
    const w11 = ty * tz;
    place.tableX = tableX;
    place.tableY = tableY;
    for (let axis = 0; axis < 3; axis++) {
      const o = corner + axis;
      const left =
        w00 * field[o] + w10 * field[o + down] + w01 * field[o + deep] + w11 * field[o + down + deep];
      const right =
        w00 * field[o + 3] +
        w10 * field[o + 3 + down] +
        w01 * field[o + 3 + deep] +
        w11 * field[o + 3 + down + deep];
      const shift = left + tx * (right - left);
      if (axis === 0) place.x = x + shift;
      else if (axis === 1) place.y = y + shift;
      else place.z = z + shift;
    }
    place.y -= this.lordosis(place.z);
  }

  /** The place on the table of an atlas point, about: the smooth displacement is left out. */
  onTable([x, y, z]: Xyz): Xyz {
    const { scale } = this.patient;
    const p = [x * scale[0], (y + this.lordosis(z)) * scale[1], z * scale[2]];
    const along = (row: Xyz) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2];
    return [along(this.turn[0]), along(this.turn[1]), along(this.turn[2])];
  }
}

/** Waves of about 150 and 60 mm, at full and at a third of the amplitude. */
function displacement(deviationMm: number, random: Random): Float64Array {
  const noises = [0, 1, 2].map((axis) => new Noise(random.fork(axis)));
  const field = new Float64Array(3 * COUNT[0] * COUNT[1] * COUNT[2]);
  const amplitude = deviationMm / 0.3;
  let o = 0;
  for (let iz = 0; iz < COUNT[2]; iz++) {
    for (let iy = 0; iy < COUNT[1]; iy++) {
      for (let ix = 0; ix < COUNT[0]; ix++) {
        const [x, y, z] = [ix * LATTICE_MM, iy * LATTICE_MM, iz * LATTICE_MM];
        for (const noise of noises) {
          const long = noise.at(x / 85, y / 85, z / 85);
          const short = noise.at(x / 37 + 16.5, y / 37, z / 37);
          field[o++] = amplitude * mix(long, short, 0.25);
        }
      }
    }
  }
  return field;
}
