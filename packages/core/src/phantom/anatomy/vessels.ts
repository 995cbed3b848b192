/** Aorta and vena cava, and the vessels that are not to be segmented but look like them. */
import { mix, smoothstep } from '../functions.ts';
import { type Build, coverage, growth, type Material, type Part, plain, varied } from '../parts.ts';
import { type Knot, tube } from '../shapes.ts';

/** The aorta: behind the heart left of the spine, through the diaphragm to the midline, down to its bifurcation at L4. */
export function aorta(build: Build, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('aorta');
  const wide = growth(patient, random, 0.13) * mix(0.85, 1.06, patient.age);
  const winding = 1.2 + 2.2 * patient.age;
  const solid = tube(
    varied(
      [
        [-24, 2, 300, 12.5],
        [-24, 8, 215, 12.5],
        [-21, 15, 150, 12],
        [-15, 25, 100, 11.5],
        [-11, 31, 50, 11],
        [-9, 32, 0, 9.5],
        [-8, 32, -50, 8.8],
        [-5, 32, -92 + random.normal(0, 6), 8.5],
      ],
      random,
      { grow: wide, jitterMm: winding },
    ),
  );
  // Plaques sit in the wall.
  const plaques = smoothstep(0.45, 1, patient.age);
  const hu: Material = (p, distance) => {
    const blood = tissues.aorta + 4 * noise.at(p.x / 9, p.y / 9, p.z / 9);
    const rim = coverage(-distance - 2.5, p.voxelMm);
    const plaque =
      rim * smoothstep(0.62 - 0.3 * plaques, 0.75 - 0.3 * plaques, noise.at(p.x / 8, p.y / 8, p.z / 12));
    const wall = mix(blood, 0.5 * tissues.aorta + 24, 0.5 * coverage(-distance - 1.5, p.voxelMm));
    return plaques > 0 ? mix(wall, 650, plaque) : wall;
  };
  return { solid, hu, label };
}

/** The vena cava: from the confluence at L5 up the right side of the spine, through the liver into the right atrium. */
export function venaCava(build: Build, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('vena cava');
  const wide = growth(patient, random, 0.22);
  const flat = random.uniform(1, 1.7);
  const solid = tube(
    varied(
      [
        [14, 26, -106, 11],
        [17, 28, -60, 10.5],
        [20, 30, -10, 11],
        [23, 32, 40, 12],
        [26, 35, 85, 12.5],
        [26, 44, 125, 13],
        [20, 56, 150 + patient.breathMm, 13],
      ],
      random,
      { grow: wide * Math.sqrt(flat) * 0.84, jitterMm: 2 },
    ),
    flat,
  );
  // Blood of the kidneys and the liver mixes in at their veins, in swirls while it is early.
  const hu: Material = (p) => {
    const swirl = noise.at(p.x / 7, p.y / 7, p.z / 16);
    const upper = smoothstep(-25, 25, p.z + 22 * swirl);
    return mix(tissues.lowerCava, tissues.upperCava, upper) + 5 * swirl;
  };
  return { solid, hu, label };
}

/** Portal, splenic, mesenteric, renal, iliac and celiac vessels. */
export function otherVessels(build: Build): Part[] {
  const { tissues, stream } = build;
  const random = stream('vessels');
  const vessel = (hu: number, knots: readonly Knot[], jitterMm = 2): Part => ({
    solid: tube(varied(knots, random, { jitterMm })),
    hu: plain(hu),
    label: 0,
  });
  const artery = (...knots: readonly Knot[]) => vessel(tissues.aorta, knots);
  const vein = (...knots: readonly Knot[]) => vessel(tissues.portalVein, knots);
  const systemicVein = (...knots: readonly Knot[]) => vessel(tissues.upperCava, knots);
  return [
    // Portal vein and its roots.
    vein([-92, 0, 58, 3.5], [-55, 26, 38, 4], [-20, 48, 24, 4.5], [14, 52, 14, 5.5]),
    vein([2, 86, -110, 3], [10, 76, -56, 4.5], [14, 55, 6, 5.5], [24, 50, 28, 6.5], [40, 46, 50, 6.5]),
    // Superior mesenteric and celiac arteries.
    artery([-10, 38, 26, 3.5], [-9, 52, 14, 3.5], [-6, 68, -36, 3.2], [-4, 75, -60, 3], [0, 84, -110, 2.5]),
    artery([-11, 38, 42, 3.5], [-10, 56, 44, 3.5], [20, 58, 34, 2.8], [38, 54, 42, 2]),
    artery([-10, 54, 44, 3], [-50, 28, 46, 2.8], [-95, 0, 60, 2.2]),
    // Renal vessels; the left vein crosses in front of the aorta.
    systemicVein([-48, 8, 2, 4.5], [-24, 40, 2, 4.2], [-8, 47, 2, 3.6], [16, 36, 4, 4.5]),
    systemicVein([48, 8, -10, 4.5], [24, 28, -4, 4.8]),
    artery([-10, 30, 4, 3], [-48, 4, 2, 2.6]),
    artery([-8, 30, 2, 3], [20, 14, 0, 2.8], [48, 4, -8, 2.6]),
    // Below the bifurcation and the confluence.
    artery([-6, 32, -88, 6.5], [-28, 30, -130, 6], [-52, 30, -180, 5.5], [-66, 50, -240, 5]),
    artery([-3, 32, -88, 6.5], [22, 32, -130, 6], [46, 32, -180, 5.5], [62, 52, -240, 5]),
    vessel(tissues.lowerCava, [
      [14, 26, -104, 8],
      [32, 18, -140, 7.5],
      [52, 22, -190, 7],
      [62, 44, -240, 7],
    ]),
    vessel(tissues.lowerCava, [
      [12, 26, -104, 8],
      [-22, 18, -140, 7.5],
      [-50, 20, -190, 7],
      [-62, 42, -240, 7],
    ]),
  ];
}
