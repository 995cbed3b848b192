/** Liver and gallbladder. */

import type { Xyz } from '../../volume/volume.ts';
import { clamp, mix, smoothMax } from '../functions.ts';
import {
  type Build,
  coverage,
  growth,
  hollow,
  type Material,
  offsetOf,
  type Part,
  varied,
} from '../parts.ts';
import { type Distance, ellipsoid, type Solid, tube, union, within } from '../shapes.ts';
import { IN_ABDOMEN } from './abdomen.ts';

/**
 * The liver fills the right dome: two lobes as large as they like, limited by the wall, the diaphragm, the
 * visceral surface (which climbs from the right flank to the left dome) and the kidney behind.
 */
export function liver(build: Build, kidneyHull: Solid, label: number): Part {
  const { patient, noise, stream } = build;
  const random = stream('liver');
  const grow = growth(patient, random, 0.16) * patient.pathology.liver;
  const [dx, dy, dz] = offsetOf(random, [4, 4, 5]);
  const rise = random.normal(0.69, 0.07);
  const tip = -32 - 90 * (grow - 1) + dz;
  const right = ellipsoid([84 + dx, 18 + dy, 66], [84 * grow, 98 * grow, 112 * grow]);
  const leftReach = random.uniform(66, 108) * grow;
  const left = ellipsoid([4 + dx, 82 + dy, 84], [leftReach, 50 * grow, 56 * grow]);

  /** Below the visceral surface; hollowed around the porta hepatis. */
  const below: Distance = (p) => {
    const dent = 22 * Math.exp(-(((p.x - 42) / 28) ** 2) - ((p.y - 52) / 28) ** 2);
    const surface = tip + rise * (118 - p.x) + 0.22 * (60 - p.y) + dent + 9 * noise.at(p.x / 45, p.y / 45, 7);
    return (surface - p.z) / Math.hypot(1, rise);
  };
  /** Left of the right lobe's inner face and behind the left lobe: spine, vena cava, esophagus, stomach. */
  const cleft = random.uniform(0.3, 0.6);
  const behind: Distance = (p) => {
    const underLeftLobe = (p.y - (26 + cleft * (30 - p.x))) / Math.hypot(1, cleft);
    const besideSpine = (p.x - (30 + 0.35 * (22 - p.y))) / 1.06;
    return -smoothMax(underLeftLobe, besideSpine, 12);
  };
  const gapMm = 1.5 + 5 * patient.visceral;
  const solid = within(
    7,
    within(8, union(30, right, left), below, behind),
    ...IN_ABDOMEN,
    (p) => gapMm - kidneyHull.distance(p),
  );
  return { solid, hu: parenchyma(build, [dx, dy, dz]), label };
}

/** The liver's tissue: even, with hepatic and portal veins, and in some patients lesions. */
function parenchyma({ patient, tissues, noise, stream }: Build, [dx, dy]: Xyz): Material {
  const random = stream('liver tissue');
  const vein = (...to: Xyz) =>
    tube(
      varied(
        [
          [28, 44, 122 + 0.7 * patient.breathMm, 5.5],
          [mix(28, to[0], 0.5), mix(44, to[1], 0.5), mix(120, to[2], 0.35), 4.5],
          [to[0], to[1], to[2], 2],
        ],
        random,
        { jitterMm: 4 },
      ),
    );
  const hepatic = union(0.1, vein(118, 0, 60), vein(75, 95, 50), vein(0, 90, 95));
  const branch = (...knots: readonly Xyz[]) =>
    tube(
      varied(
        knots.map(([x, y, z], i) => [x + dx, y + dy, z, 6 - 1.8 * i] as const),
        random,
        { jitterMm: 4 },
      ),
    );
  const portal = union(
    0.1,
    branch([38, 46, 50], [70, 34, 62], [112, 25, 48]),
    branch([58, 38, 58], [92, 52, 92], [105, 60, 112]),
    branch([38, 46, 50], [18, 70, 76], [-18, 88, 88]),
  );
  const lesions = Array.from({ length: random.chance(0.35) ? 1 + random.int(4) : 0 }, () => ({
    solid: ellipsoid(
      [random.uniform(20, 120), random.uniform(-30, 90), random.uniform(20, 120)],
      [random.uniform(3, 14), random.uniform(3, 14), random.uniform(3, 14)],
    ),
    hu: random.chance(0.6) ? random.uniform(0, 20) : tissues.liver - random.uniform(15, 45),
  }));
  const veins = [
    { solid: hepatic, hu: tissues.hepaticVein },
    { solid: portal, hu: tissues.portalVein },
    ...lesions,
  ];
  return (p) => {
    let hu =
      tissues.liver + 6 * noise.at(p.x / 8, p.y / 8, p.z / 8) + 5 * noise.at(p.x / 40, p.y / 40, p.z / 40);
    for (const { solid, hu: own } of veins) {
      const { min, max } = solid.bounds;
      if (p.x < min[0] || p.x > max[0] || p.y < min[1] || p.y > max[1] || p.z < min[2] || p.z > max[2])
        continue;
      hu = mix(hu, own, coverage(solid.distance(p), p.voxelMm));
    }
    return hu;
  };
}

/** The gallbladder: a pear under the liver, its neck at the porta hepatis. */
export function gallbladder(build: Build, label: number): Part {
  const { patient, tissues, stream } = build;
  const random = stream('gallbladder');
  const grow = 1.05 * growth(patient, random, 0.35);
  const length = random.uniform(0.85, 1.15);
  const lean = random.normal(0, 7);
  const knots = [
    [51, 57, 32, 4],
    [mix(51, 64, length), 68, mix(32, 18, length), 11],
    [mix(51, 75 + lean, length), 81, mix(32, 4, length), 13.5],
    [mix(51, 81 + lean, length), 90, mix(32, -6, length), 11.5],
  ] as const;
  const solid = within(
    3,
    tube(varied(knots, random, { grow, jitterMm: 1.5, offset: offsetOf(random, [4, 4, 5]) })),
    ...IN_ABDOMEN,
  );
  const stone = random.chance(0.12) ? random.uniform(90, 500) : 0;
  const bile: Material = (p) => (stone > 0 && p.above < -5 ? mix(tissues.bile, stone, 0.7) : tissues.bile);
  const wallMm = clamp(random.normal(1.8, 0.6), 1, 4);
  return { solid, hu: hollow(wallMm, tissues.gutWall - 10, bile), label };
}
