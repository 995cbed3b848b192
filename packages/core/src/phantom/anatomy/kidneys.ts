/** Kidneys with the fat around them, their pelvis and ureter. */

import type { Random } from '../../random.ts';
import { xyz } from '../../volume/volume.ts';
import { mix, smoothMax, smoothstep } from '../functions.ts';
import { type Build, coverage, FAT_HU, growth, type Material, offsetOf, type Part, plain } from '../parts.ts';
import { axesAlong, ellipsoid, type Solid, tube } from '../shapes.ts';

export interface Kidney {
  /** The kidney's bean with its hilum filled in. */
  readonly hull: Solid;
  readonly fat: Part;
  readonly parts: readonly Part[];
}

/** A kidney; `side` is +1 for the right, −1 for the left. */
export function kidney(build: Build, side: 1 | -1, label: number): Kidney {
  const { patient, tissues, stream } = build;
  const random = stream(side > 0 ? 'right kidney' : 'left kidney');
  const grow = growth(patient, random, 0.14);
  const [dx, dy, dz] = offsetOf(random, [4, 4, 7]);
  const centre = [side * (65 + 6 * patient.visceral + dx), -6 + dy, (side > 0 ? -10 : 4) + dz] as const;
  const slender = random.uniform(0.93, 1.08);
  const length = 57 * grow * slender;
  const width = (30 * grow) / Math.sqrt(slender);
  const depth = (26 * grow) / Math.sqrt(slender);
  // The long axis leans with the psoas: upper pole inwards and back. The hilum looks inwards and forwards.
  const axes = axesAlong(
    [side * -0.24 + random.normal(0, 0.05), -0.22 + random.normal(0, 0.06), 1],
    [-side, 0.55 + random.normal(0, 0.15), 0],
  );
  const [inwards] = axes;
  const hull = ellipsoid(centre, [width, depth, length], axes, 0.3 * width);
  const hilum = xyz((axis) => centre[axis] + 0.75 * width * inwards[axis]);
  const sinus = ellipsoid(hilum, [0.72 * width, 0.44 * depth, 0.5 * length], axes);
  const beside = (mm: number) => [hilum[0] + mm * inwards[0], hilum[1] + mm * inwards[1]] as const;
  const pelvis = tube([
    [...beside(-0.45 * width), centre[2] + 0.2 * length, 3 * grow],
    [...beside(-4), centre[2], random.uniform(4, 7) * grow],
    [...beside(12), centre[2] - 14, 4],
    [side * 40, 14, centre[2] - 60, 2.5],
    [side * 38, 22, centre[2] - 110, 2.2],
  ]);
  const parenchyma: Solid = {
    bounds: hull.bounds,
    distance: (p) => {
      const outside = hull.distance(p);
      return outside > 20 ? outside : smoothMax(outside, -sinus.distance(p), 7);
    },
  };
  return {
    hull,
    fat: fatAround(hull, 3 + 14 * patient.visceral),
    parts: [
      { solid: parenchyma, hu: cortexAndMedulla(build, 7 * grow), label },
      ...cysts(
        parenchyma,
        centre,
        random.chance(0.25 + 0.3 * patient.age) ? 1 + random.int(2) : 0,
        random,
      ).map((solid) => ({ solid, hu: plain(8), label })),
      { solid: pelvis, hu: plain(tissues.urine), label: 0 },
    ],
  };
}

/** Cortex outside and in columns between the pyramids of the medulla. */
function cortexAndMedulla({ tissues, noise }: Build, cortexMm: number): Material {
  return (p, distance) => {
    const columns = smoothstep(0.1, 0.35, noise.at(p.x / 11 + 3, p.y / 11, p.z / 11));
    const medulla = coverage(distance + cortexMm, p.voxelMm) * (1 - columns);
    return mix(tissues.cortex, tissues.medulla, medulla) + 8 * noise.at(p.x / 6, p.y / 6, p.z / 6);
  };
}

function cysts(parenchyma: Solid, centre: readonly number[], count: number, random: Random): Solid[] {
  const spread = [12, 10, 28];
  return Array.from({ length: count }, () => {
    const radius = random.uniform(4, 12);
    const cyst = ellipsoid(
      xyz((axis) => centre[axis] + random.normal(0, spread[axis])),
      [radius, radius, radius],
    );
    return { ...cyst, distance: (p) => Math.max(cyst.distance(p), parenchyma.distance(p)) };
  });
}

function fatAround({ bounds, distance }: Solid, mm: number): Part {
  const solid: Solid = {
    bounds: {
      min: xyz((axis) => bounds.min[axis] - mm),
      max: xyz((axis) => bounds.max[axis] + mm),
    },
    distance: (p) => Math.max(distance(p) - mm, p.inside),
  };
  return { solid, hu: plain(FAT_HU + 4), label: 0 };
}
