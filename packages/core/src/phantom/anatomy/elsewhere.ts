/** Scans of something else than the trunk: a head with its neck, thighs, hands. None of their organs is to be segmented. */
import { xyz } from '../../volume/volume.ts';
import { clamp, mix, smoothstep } from '../functions.ts';
import { AIR_HU, type Build, coverage, FAT_HU, hollow, type Material, type Part, plain } from '../parts.ts';
import type { Elsewhere } from '../patient.ts';
import { type Extent, ellipsoid, type Knot, type Solid, tube } from '../shapes.ts';

/** The parts of a scan of something else, around the atlas's origin. */
export function elsewhere(build: Build, what: Elsewhere): Part[] {
  return { head, thighs, hands }[what](build);
}

const unlabelled = (solid: Solid, hu: Material): Part => ({ solid, hu, label: 0 });

/** Skull with brain and ventricles, sinuses full of air, and a neck with spine, windpipe and vessels. */
function head({ tissues, noise, stream }: Build): Part[] {
  const random = stream('head');
  const size = random.uniform(0.88, 1.1);
  const radii = xyz((axis) => size * [72, 90, 84][axis]! * random.uniform(0.95, 1.05));
  const grown = (mm: number) => xyz((axis) => radii[axis] + mm);
  const middle = [0, 0, 60] as const;
  const bone = random.uniform(600, 1400);
  const grey: Material = (p) => {
    const fold = smoothstep(0.35, 0.6, Math.abs(noise.at(p.x / 9, p.y / 9, p.z / 9)));
    return mix(36, 8, 0.7 * fold) + 4 * noise.at(p.x / 6, p.y / 6, p.z / 6);
  };
  const bleeding = random.chance(0.3) ? [random.uniform(-45, 45), random.uniform(-50, 50)] : undefined;
  const neck = (radius: number, ...knots: readonly Knot[]) =>
    tube(
      knots.length
        ? knots
        : [
            [0, -12, 10, radius],
            [0, -14, -90, radius],
            [0, -20, -220, 1.2 * radius],
          ],
    );
  const vessel = (x: number, y: number) =>
    tube([
      [x, y, -200, 4],
      [x, y, -30, 3.5],
      [0.6 * x, y, 30, 3],
    ]);
  return [
    unlabelled(neck(random.uniform(52, 66)), hollow(random.uniform(5, 14), FAT_HU, plain(tissues.muscle))),
    unlabelled(ellipsoid([0, 34, 0], [58, 58, 70]), hollow(6, FAT_HU, plain(tissues.muscle))),
    unlabelled(ellipsoid(middle, grown(6)), hollow(2, 20, plain(FAT_HU + 60))),
    unlabelled(ellipsoid(middle, radii), plain(bone)),
    unlabelled(ellipsoid(middle, grown(-6)), grey),
    ...[1, -1].map((side) => unlabelled(ellipsoid([side * 14, 4, 70], [7, 32, 13]), plain(6))),
    ...(bleeding
      ? [unlabelled(ellipsoid([bleeding[0]!, bleeding[1]!, 75], [18, 22, 20]), plain(random.uniform(10, 75)))]
      : []),
    ...[1, -1].map((side) =>
      unlabelled(ellipsoid([side * 24, 62, 8], [13, 15, 17]), hollow(2, bone, plain(AIR_HU))),
    ),
    ...[1, -1].map((side) => unlabelled(ellipsoid([side * 31, 74, 38], [13, 13, 13]), plain(12))),
    unlabelled(
      tube([
        [0, 82, -26, 6],
        [30, 62, -26, 7],
        [42, 26, -18, 7],
      ]),
      plain(1.4 * bone),
    ),
    unlabelled(
      tube([
        [0, 82, -26, 6],
        [-30, 62, -26, 7],
        [-42, 26, -18, 7],
      ]),
      plain(1.4 * bone),
    ),
    unlabelled(
      neck(0, [0, -22, 10, 17], [0, -24, -90, 18], [0, -30, -220, 20]),
      hollow(4, bone, plain(tissues.muscle + 130)),
    ),
    unlabelled(neck(0, [0, 22, -20, 9], [0, 18, -120, 9], [0, 10, -220, 9]), hollow(2, 60, plain(AIR_HU))),
    ...[1, -1].map((side) => unlabelled(vessel(side * 30, 4), plain(tissues.aorta))),
    ...[1, -1].map((side) => unlabelled(vessel(side * 38, 10), plain(tissues.upperCava))),
  ];
}

/** Two thighs: fat, muscle parted by fat, the femur and the vessels before it. */
function thighs({ patient, tissues, noise, stream }: Build): Part[] {
  const random = stream('thighs');
  const radius = random.uniform(52, 92);
  const fatMm = clamp(0.7 * patient.subcutaneousMm, 4, 30);
  const muscle: Material = (p) =>
    mix(tissues.muscle, FAT_HU, 0.8 * smoothstep(0.3, 0.6, Math.abs(noise.at(p.x / 22, p.y / 22, p.z / 90))));
  const gap = random.uniform(2, 30);
  return [1, -1].flatMap((side) => {
    const x = side * (radius + gap);
    const along = (dx: number, dy: number, r: number) =>
      tube([
        [x + dx, dy, -200, 0.85 * r],
        [x + dx, dy, 0, r],
        [x + dx, dy, 200, 1.15 * r],
      ]);
    return [
      unlabelled(along(0, 0, radius), hollow(fatMm, FAT_HU, muscle)),
      unlabelled(along(0, 0, 14), hollow(5, 1000, plain(FAT_HU + 60))),
      unlabelled(along(-side * 20, 22, 5), plain(tissues.aorta)),
      unlabelled(along(-side * 26, 14, 6), plain(tissues.lowerCava)),
    ];
  });
}

/** Two hands on the table, each a palm with five bones that run on into fingers. */
function hands({ tissues, stream }: Build): Part[] {
  const random = stream('hands');
  const wide = random.uniform(15, 22);
  return [1, -1].flatMap((side) => {
    const x = side * random.uniform(48, 110);
    const finger = (i: number, r: number) =>
      tube([
        [x + (i - 2) * wide, 0, -20, r],
        [x + 1.15 * (i - 2) * wide, 4, 40, r],
        [x + 1.3 * (i - 2) * wide, 10, 105 - 8 * Math.abs(i - 2), 0.7 * r],
      ]);
    const palm = ellipsoid([x, 0, -30], [2.4 * wide, 15, 62]);
    const wrist = tube(
      [
        [x, 0, -80, 24],
        [x, 0, -220, 34],
      ],
      1.3,
    );
    return [
      unlabelled(wrist, hollow(4, FAT_HU, plain(tissues.muscle))),
      ...[-11, 11].map((dx) =>
        unlabelled(
          tube([
            [x + dx, 0, -75, 8],
            [x + dx, 0, -220, 7],
          ]),
          hollow(3, 900, plain(0)),
        ),
      ),
      unlabelled(palm, hollow(2, 20, plain(tissues.muscle - 10))),
      ...[0, 1, 2, 3, 4].flatMap((i) => [
        unlabelled(finger(i, 9.5), hollow(2, 20, plain(tissues.muscle - 30))),
        unlabelled(finger(i, 4.5), (p, distance) => mix(700, 150, coverage(distance + 2, p.voxelMm))),
      ]),
    ];
  });
}

/** The heights in mm, in the atlas, between which there is something to see. */
const HEIGHTS = { head: [-220, 150], thighs: [-200, 200], hands: [-220, 100] } as const;

/** The box that the parts fill. */
export function extentOf(parts: readonly Part[], what: Elsewhere): Extent {
  const bounds = parts.map(({ solid }) => solid.bounds);
  const [low, high] = HEIGHTS[what];
  const least = (axis: 0 | 1) => Math.min(...bounds.map(({ min }) => min[axis]));
  const most = (axis: 0 | 1) => Math.max(...bounds.map(({ max }) => max[axis]));
  return { min: [least(0), least(1), low], max: [most(0), most(1), high] };
}
