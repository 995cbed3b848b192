/** What lies below the hips' crests in scans that run on: bladder, rectum, womb or prostate, the heads of the femora. */

import { mix, smoothstep } from '../functions.ts';
import { AIR_HU, type Build, hollow, type Material, offsetOf, type Part, plain } from '../parts.ts';
import { ellipsoid, tube } from '../shapes.ts';

export function pelvis(build: Build): Part[] {
  const { patient, tissues, noise, stream } = build;
  const random = stream('pelvis');
  const fill = random.uniform(0.6, 1);
  const bladder = ellipsoid([random.normal(0, 4), 64, -252 + 10 * fill], [48 * fill, 40 * fill, 36 * fill]);
  const rectum = tube([
    [-10, 4, -212, 15],
    [0, -12, -240, 16],
    [0, -16, -270, 17],
    [0, 0, -310, 13],
  ]);
  const section = random.uniform(-1, 1);
  const stool: Material = (p) =>
    mix(
      35 + 25 * noise.at(p.x / 5, p.y / 5, p.z / 5),
      AIR_HU + 30,
      smoothstep(-4, 4, p.above - 12 * section),
    );
  const offset = offsetOf(random, [4, 4, 6]);
  const behind = ellipsoid(
    [offset[0], 24 + offset[1], -258 + offset[2]],
    [random.uniform(22, 38), random.uniform(16, 24), random.uniform(20, 34)],
  );
  const cortical = mix(720, 420, patient.age);
  const heads = [1, -1].flatMap((side) => [
    ellipsoid([side * 90, 36, -268], [24, 24, 24]),
    tube([
      [side * 92, 36, -270, 15],
      [side * 118, 26, -290, 17],
      [side * 132, 20, -340, 18],
    ]),
  ]);
  return [
    { solid: behind, hu: plain(tissues.muscle + random.uniform(0, 40)), label: 0 },
    { solid: rectum, hu: hollow(3.5, tissues.gutWall, stool), label: 0 },
    { solid: bladder, hu: hollow(mix(5, 2.5, fill), tissues.gutWall, plain(tissues.urine)), label: 0 },
    ...heads.map((solid) => ({
      solid,
      hu: hollow(3, cortical, plain(mix(260, 120, patient.age))),
      label: 0,
    })),
  ];
}
