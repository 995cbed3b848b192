/** Esophagus, stomach and duodenum. */
import { xyz } from '../../volume/volume.ts';
import { clamp, mix, smoothstep } from '../functions.ts';
import {
  AIR_HU,
  type Build,
  coverage,
  growth,
  hollow,
  type Material,
  offsetOf,
  type Part,
  varied,
} from '../parts.ts';
import { type Solid, tube, union, within } from '../shapes.ts';
import { IN_ABDOMEN } from './abdomen.ts';

/** The esophagus: in front of the spine through the chest, then left and forwards through the diaphragm to the stomach. */
export function esophagus(build: Build, label: number): Part {
  const { patient, tissues, stream } = build;
  const random = stream('esophagus');
  const grow = growth(patient, random, 0.16);
  const solid = tube(
    varied(
      [
        [0, 26, 300, 8],
        [0, 27, 215, 8],
        [-3, 32, 160, 8.5],
        [-10, 39, 125, 8.5],
        [-20, 41, 104, 8],
        [-36, 38, 90, 9],
      ],
      random,
      { grow, jitterMm: 2 },
    ),
    1.1,
  );
  const gas = random.chance(0.35);
  const content: Material = (p) => (gas && p.above > 0 ? -400 : tissues.gutWall - 15);
  return { solid, hu: hollow(4.2, tissues.gutWall - 5, content), label };
}

/** The stomach: from under the left dome forwards and down, then across the midline to the pylorus; full or collapsed. */
export function stomach(build: Build, label: number): Part {
  const { patient, tissues, deformation, noise, stream } = build;
  const random = stream('stomach');
  const fill = patient.stomachFill;
  const { variety } = patient;
  const further = random.fork('variety');
  const grow =
    growth(patient, random, 0.15) *
    mix(0.6 - 0.12 * variety, 1.06, fill) *
    Math.exp(variety * further.normal(-0.06, 0.15));
  const sag = random.normal(0, 12) - 14 * fill + variety * further.normal(4, 18);
  const usual = offsetOf(random, [5, 4, 3]);
  const moved = offsetOf(further, [7, 6, 9]);
  // A collapsed stomach lies nearer to the middle, and a high colon pushes it there.
  const inwards = variety * Math.max(1 - fill, patient.highColon) * further.uniform(0, 30);
  const offset = xyz((axis) => usual[axis] + variety * moved[axis] + (axis === 0 ? inwards : 0));
  const knots = [
    [-70, -6, 102 + 0.5 * patient.breathMm, 27],
    [-74, 18, 88, 35],
    [-79, 50, 58, 33],
    [-66, 77, 26 + 0.6 * sag, 28],
    [-30, 86, 6 + sag, 23],
    [4, 84, 4 + 0.8 * sag, 19],
    [26, 76, 12 + 0.3 * sag, 11],
  ] as const;
  const body = tube(varied(knots, random, { grow, jitterMm: 3 + 4 * variety, offset }));
  const cardia = tube([
    [-34, 38, 91, 9],
    [-66 + offset[0], 26, 86, 11],
  ]);
  const rugae = mix(3.5, 1, fill);
  const wallMm = mix(7, 3, fill) + variety * further.uniform(0, 6);
  const folded: Solid = {
    bounds: body.bounds,
    distance: (p) => body.distance(p) + rugae * noise.at(p.x / 13, p.y / 13, p.z / 13),
  };
  const solid = within(8, union(10, folded, cardia), ...IN_ABDOMEN);

  // Air lies over fluid: a level that is flat on the table. Food makes the fluid uneven; some stomachs hold no air.
  const [, middleY] = deformation.onTable([-66, 52, 50]);
  const airless = further.chance(0.4 * variety) ? 200 : 0;
  const level = middleY + mix(30, -22, random.uniform()) * grow + airless;
  const food = random.chance(0.4) ? random.uniform(40, 160) : 0;
  const meal = further.chance(0.5 * variety) ? further.uniform(0.1, 0.8) : 0;
  const mealHu = further.uniform(-20, 110);
  const content: Material = (p) => {
    const lumps = noise.at(p.x / 8, p.y / 8, p.z / 8);
    const fluid = patient.oralHu + food * Math.min(0.1, lumps) + 6 * lumps;
    const crumbs = meal && noise.at(p.x / 5 + 3.5, p.y / 5, p.z / 5);
    const chewed = mix(mealHu + 50 * crumbs, -500, meal * smoothstep(0.1, 0.5, crumbs));
    const filling = mix(fluid, chewed, smoothstep(0, 0.2, meal));
    return mix(filling, AIR_HU + 20, clamp(0.5 + (p.tableY - level) / p.voxelMm, 0, 1));
  };
  return { solid, hu: hollow(wallMm, tissues.gutWall, content), label };
}

/** The duodenum, a C around the pancreas's head: bulb, down, across under the head between the great vessels, and up. */
export function duodenum(build: Build, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('duodenum');
  const grow = growth(patient, random, 0.16) * mix(0.84, 0.97, patient.bowelFill);
  const low = random.normal(0, 7);
  const solid = within(
    5,
    tube(
      varied(
        [
          [22, 77, 13, 9],
          [40, 70, 17, 13],
          [56, 54, 12, 12],
          [58, 44, -14, 12.5],
          [55, 40, -42 + low, 12.5],
          [38, 46, -58 + low, 11.5],
          [6, 59, -58 + low, 9],
          [-22, 54, -46 + 0.6 * low, 10],
          [-34, 50, -20, 10.5],
          [-38, 62, -10, 11],
        ],
        random,
        { grow, jitterMm: 2.5 + 2.5 * patient.variety, offset: offsetOf(random, [4, 3, 4]) },
      ),
      1.08,
    ),
    ...IN_ABDOMEN,
  );
  const gassy = random.uniform(-0.5, 0.6);
  const content: Material = (p) => {
    const section = noise.at(p.along / 26, 11.5, 3.5);
    const gas = smoothstep(0.15, 0.3, section + 0.3 * gassy) * coverage(1 - p.above, p.voxelMm);
    const fluid = mix(tissues.gutWall - 10, patient.oralHu, smoothstep(-0.3, 0.2, section));
    return mix(fluid, AIR_HU + 100, gas);
  };
  return { solid, hu: hollow(3.2, tissues.gutWall, content), label };
}
