/** Spine, ribs, breastbone, hip bones, and the muscles along the spine. */
import { clamp, mix, profile, smoothstep } from '../functions.ts';
import { type Build, coverage, FAT_HU, type Material, type Part, plain, varied } from '../parts.ts';
import { type Knot, type Solid, tube, within } from '../shapes.ts';

interface Vertebra {
  /** The height of the middle of its body in the atlas. */
  readonly z: number;
  readonly height: number;
  readonly halfWidth: number;
  readonly halfDepth: number;
}

/** The vertebrae from S2 to T4, in mm. */
const VERTEBRAE: readonly Vertebra[] = [
  ...[-200, -164].map((z) => ({ z, height: 30, halfWidth: 42, halfDepth: 19 })),
  ...[-126, -90, -54, -18, 18].map((z) => ({ z, height: 28, halfWidth: 24, halfDepth: 17 })),
  ...[51, 81, 108].map((z) => ({ z, height: 24, halfWidth: 20, halfDepth: 16 })),
  ...[134, 159, 184, 208, 231].map((z) => ({ z, height: 21, halfWidth: 16, halfDepth: 15 })),
];

const nearestVertebra = (z: number): Vertebra =>
  VERTEBRAE.reduce((a, b) => (Math.abs(b.z - z) < Math.abs(a.z - z) ? b : a));

/** The vertebra that is nearest, every 2 mm from −260 mm on. */
const LOOKUP = Array.from({ length: 260 }, (_, i) => nearestVertebra(-260 + 2 * i));
const vertebraAt = (z: number): Vertebra => LOOKUP[clamp(Math.round((z + 260) / 2), 0, LOOKUP.length - 1)];

export function skeleton(build: Build): Part[] {
  const { patient, noise } = build;
  const cortical = mix(720, 420, patient.age);
  const marrow = mix(230, 90, patient.age);
  const bone: Material = (p, distance) =>
    mix(cortical, marrow + 60 * noise.at(p.x / 5, p.y / 5, p.z / 5), coverage(distance + 2.2, p.voxelMm));
  return [
    ...trunkMuscles(build),
    { solid: hips(), hu: bone, label: 0 },
    { solid: ribs(), hu: ribMaterial(bone), label: 0 },
    { solid: breastbone(), hu: bone, label: 0 },
    { solid: posteriorElements(), hu: bone, label: 0 },
    { solid: column(), hu: columnMaterial(bone), label: 0 },
    { solid: canal(), hu: plain(22), label: 0 },
  ];
}

/** The column of vertebral bodies and discs. */
function column(): Solid {
  return {
    bounds: { min: [-46, -24, -260], max: [46, 24, 260] },
    distance: (p) => {
      const { z, height, halfWidth, halfDepth } = vertebraAt(p.z);
      const toEdge = clamp((2 * Math.abs(p.z - z)) / height, 0, 1);
      const waist = 0.9 + 0.1 * toEdge * toEdge;
      const norm = Math.hypot(p.x / (halfWidth * waist), p.y / (halfDepth * waist));
      return (norm - 1) * Math.min(halfWidth, halfDepth) * waist;
    },
  };
}

/** Bone in the bodies, disc between them; the end plates are cortical. */
function columnMaterial(bone: Material): Material {
  return (p, distance) => {
    const { z, height } = vertebraAt(p.z);
    const fromEnd = Math.abs(p.z - z) - height / 2;
    return mix(85, bone(p, Math.max(distance, fromEnd)), coverage(fromEnd, p.voxelMm));
  };
}

function canal(): Solid {
  return {
    bounds: { min: [-12, -36, -230], max: [12, -14, 260] },
    distance: (p) => Math.hypot(p.x, p.y + vertebraAt(p.z).halfDepth + 9) - 8.5,
  };
}

/** The arch around the canal, the spinous process behind it and the transverse processes beside it. */
function posteriorElements(): Solid {
  return {
    bounds: { min: [-46, -76, -230], max: [46, -10, 260] },
    distance: (p) => {
      const { z, halfDepth } = vertebraAt(p.z);
      const up = p.z - z;
      const behind = -p.y - halfDepth;
      const x = Math.abs(p.x);
      const arch = Math.max(Math.abs(Math.hypot(x, behind - 9) - 12) - 3, Math.abs(up + 4) - 12);
      const facets = Math.max(Math.hypot(x - 16, behind - 14) - 7, Math.abs(up + 10) - 12);
      const sag = 8 + 0.35 * (behind - 20);
      const spinous = Math.max(x - 3.2, Math.abs(behind - 34) - 15, Math.abs(up + sag) - 9);
      const transverse = Math.max(Math.abs(x - 26) - 14, Math.abs(behind - 6) - 4, Math.abs(up) - 6);
      return Math.min(arch, facets, spinous, transverse);
    },
  };
}

/** The ribs: they follow the wall, falling from the spine to the front; the lowest end freely in the flank. */
function ribs(): Solid {
  const lowest = profile([
    [-1, 20],
    [-0.6, 0],
    [-0.1, -12],
    [0.4, 22],
    [0.8, 88],
    [1, 125],
  ]);
  return {
    bounds: { min: [-170, -100, -40], max: [170, 150, 320] },
    distance: (p) => {
      const around = Math.acos(clamp(-p.facing, -1, 1)) / Math.PI;
      const fall = 165 * around - 95 * smoothstep(0.68, 1, around);
      const phase = (p.z + fall) / 27;
      const vertical = Math.abs(phase - Math.round(phase)) * 27 * 0.75 - 4.3;
      const radial = Math.abs(p.inside - 5.5) - 3.3;
      const free = (lowest(p.facing) - p.z) * 0.6;
      const besideSpine = 0.8 * (34 - Math.abs(p.x)) - 60 * Math.max(0, p.facing);
      const besideBreastbone = 0.8 * (22 - Math.abs(p.x)) + 60 * Math.min(0, p.facing);
      return Math.max(vertical, radial, free, besideSpine, besideBreastbone);
    },
  };
}

/** In front the ribs are cartilage. */
function ribMaterial(bone: Material): Material {
  return (p, distance) => mix(bone(p, distance), 115, smoothstep(0.55, 0.72, p.facing));
}

function breastbone(): Solid {
  return {
    bounds: { min: [-24, 60, 116], max: [24, 150, 320] },
    distance: (p) => {
      const height = p.facing < 0 ? 40 : Math.abs(p.inside - 5) - 4.5;
      return Math.max(height, Math.abs(p.x) - clamp((p.z - 120) / 2, 2, 17), 125 - p.z);
    },
  };
}

/** The wings of the hip bones: plates within the wall, below a crest that is highest at the side. */
function hips(): Solid {
  return {
    bounds: { min: [-170, -100, -320], max: [170, 90, -80] },
    distance: (p) => {
      const crest = -98 - 70 * (p.facing + 0.15) ** 2;
      const depth = p.inside + mix(16, 10, smoothstep(-100, -160, p.z));
      const thick = Math.abs(depth - 4) - 4.5;
      return Math.max(thick, 0.8 * (p.z - crest), 60 * (p.facing - 0.55), 40 - Math.abs(p.x));
    },
  };
}

/** Psoas, quadratus lumborum and erector spinae, both sides. */
function trunkMuscles(build: Build): Part[] {
  const { patient, tissues, noise, stream } = build;
  const random = stream('muscles');
  const m = patient.muscle;
  const hu: Material = (p) => {
    const grain = noise.at(p.x / 9, p.y / 9, p.z / 40);
    const fat = smoothstep(0.5, 1, Math.abs(grain) + 0.3 * patient.age);
    return mix(tissues.muscle + 6 * grain, FAT_HU, 0.5 * fat);
  };
  const sides = [1, -1].flatMap((side) => {
    const mirrored = (knots: readonly Knot[]) =>
      varied(knots, random, { grow: m }).map(([x, y, z, r]): Knot => [side * x, y, z, r]);
    const psoas = tube(
      mirrored([
        [24, 2, 34, 6],
        [31, 3, 0, 13],
        [39, 5, -45, 18],
        [49, 10, -100, 21],
        [62, 28, -160, 22],
        [72, 48, -230, 22],
      ]),
      0.9,
    );
    const quadratus = tube(
      mirrored([
        [52, -26, 34, 6],
        [62, -28, -20, 12],
        [72, -26, -90, 14],
      ]),
    );
    const erector = tube(
      mirrored([
        [30, -54, 250, 12],
        [32, -54, 110, 15],
        [37, -51, 30, 22],
        [40, -50, -60, 26],
        [36, -58, -150, 20],
        [30, -66, -230, 14],
      ]),
      1.15,
    );
    return [psoas, quadratus, within(4, erector, (p) => p.wall + 3)];
  });
  return sides.map((solid) => ({ solid, hu, label: 0 }));
}
