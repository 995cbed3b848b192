/** The pancreas. */
import { mix, smoothstep } from '../functions.ts';
import { type Build, FAT_HU, growth, offsetOf, type Part, varied } from '../parts.ts';
import { type Solid, tube, union, within } from '../shapes.ts';
import { IN_ABDOMEN } from './abdomen.ts';

/** The pancreas: head in the duodenum's C, neck over the mesenteric vessels, body over the aorta, tail to the spleen. */
export function pancreas(build: Build, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('pancreas');
  const { variety } = patient;
  const grow = growth(patient, random, 0.2 + 0.1 * variety) * mix(1.1, 0.98, patient.age);
  const offset = offsetOf(random, [3 + 2 * variety, 3 + 2 * variety, 4 + 5 * variety]);
  const tail = random.normal(0, 9 + 7 * variety);
  const head = tube(
    varied(
      [
        [38, 52, 8, 12],
        [37, 50, -12, 15],
        [30, 50, -32, 11],
        [16, 52, -34, 7],
      ],
      random,
      { grow, jitterMm: 2 + 1.5 * variety, offset },
    ),
  );
  const body = tube(
    varied(
      [
        [36, 55, 2, 12],
        [18, 63, 12, 9],
        [-4, 66, 20, 9.5],
        [-28, 56, 27, 10.5],
        [-52, 36, 35, 10.5],
        [-74, 14, 44 + tail, 10.5],
        [-90, 2, 52 + tail, 8],
      ],
      random,
      { grow, jitterMm: 2.5 + 2 * variety, offset },
    ),
  );
  const both = union(6, head, body);
  const lobes = 1 + 2.5 * patient.age;
  const lobulated: Solid = {
    bounds: both.bounds,
    distance: (p) => both.distance(p) + lobes * noise.at(p.x / 7, p.y / 7, p.z / 7),
  };
  const solid = within(4, lobulated, ...IN_ABDOMEN);
  const fatty = random.uniform(0, 0.7) * patient.age;
  return {
    solid,
    hu: (p) => {
      const grain = noise.at(p.x / 5, p.y / 5, p.z / 5);
      return mix(tissues.pancreas + 8 * grain, FAT_HU, fatty * smoothstep(0.05, 0.6, grain));
    },
    label,
  };
}
