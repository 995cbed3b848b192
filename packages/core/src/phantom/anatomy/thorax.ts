/** Lungs, heart and diaphragm: what of the chest an abdominal scan shows. */
import { clamp, mix, smoothMax, smoothstep } from '../functions.ts';
import { type Build, coverage, FAT_HU, type Material, offsetOf, type Part, plain, varied } from '../parts.ts';
import { axesAlong, EVERYWHERE, ellipsoid, type Solid, tube, within } from '../shapes.ts';

export function thorax(build: Build): Part[] {
  const { patient, tissues, noise, stream } = build;
  const random = stream('thorax');
  const [dx, dy, dz] = offsetOf(random, [5, 4, 4]);
  const size = random.uniform(0.92, 1.12);
  const heart = ellipsoid(
    [-26 + dx, 70 + dy, 176 + dz + patient.breathMm],
    [66 * size, 46 * size, 46 * size],
    axesAlong([-0.35, 0.35, 1], [1, -0.45, 0.35]),
  );
  const mediastinum = tube([
    [-6, 22, 60, 26],
    [-8, 24, 130, 30],
    [-8, 26, 240, 36],
  ]);

  const lungs: Part = {
    solid: {
      bounds: { min: [-170, -110, 20], max: [170, 150, 340] },
      distance: (p) => {
        const chest = Math.max(p.inside + 2, 2 - p.diaphragm);
        if (chest > 40) return chest;
        return smoothMax(chest, -Math.min(heart.distance(p) - 4, mediastinum.distance(p)), 6);
      },
    },
    hu: lungTissue(build, random.uniform(-880, -780)),
    label: 0,
  };
  // The heart rests on the diaphragm, wrapped in fat within a thin sac.
  const sac: Part = {
    solid: within(
      0.1,
      heart,
      (p) => 2 - p.diaphragm,
      (p) => p.inside + 2,
    ),
    hu: (p, distance) => mix(45, FAT_HU, coverage(distance + 2, p.voxelMm)),
    label: 0,
  };
  const muscleAndBlood: Part = {
    solid: {
      bounds: heart.bounds,
      distance: (p) => Math.max(heart.distance(p) + 6, 6 - p.diaphragm, p.inside + 6),
    },
    hu: (p, distance) => {
      const chambers = smoothstep(-0.15, 0.1, noise.at(p.x / 38, p.y / 38, p.z / 38));
      const blood = coverage(distance + 8, p.voxelMm) * chambers;
      return mix(0.45 * tissues.heart + 30, tissues.heart, blood);
    },
    label: 0,
  };
  const diaphragm: Solid = {
    bounds: EVERYWHERE,
    distance: (p) => Math.max(Math.abs(p.diaphragm) - 1.4, p.inside),
  };
  const crura = [1, -1].map((side) =>
    tube(
      varied(
        [
          [side * 20, 24, -45, 3],
          [side * 19, 25, 10, 5.5],
          [side * 20, 30, 60, 6],
          [side * 16, 42, 100, 5],
        ],
        random,
        { jitterMm: 1.5 },
      ),
    ),
  );
  const muscle = plain(tissues.muscle);
  return [
    lungs,
    sac,
    muscleAndBlood,
    { solid: diaphragm, hu: muscle, label: 0 },
    ...crura.map((solid) => ({ solid, hu: muscle, label: 0 })),
  ];
}

/** Vessels thin out from the hilum to the pleura; what lies lowest and hindmost is denser. */
function lungTissue({ noise }: Build, density: number): Material {
  return (p) => {
    const vessel = smoothstep(0.4, 0.7, noise.at(p.x / 9, p.y / 9, p.z / 9));
    const deep = clamp(-p.inside / 60, 0, 1);
    return mix(density + 60 * smoothstep(20, -60, p.y), 30, vessel * (0.25 + 0.6 * deep));
  };
}
