/** The spleen. */
import { mix, smoothstep } from '../functions.ts';
import { type Build, growth, offsetOf, type Part } from '../parts.ts';
import { axesAlong, ellipsoid, type Solid, within } from '../shapes.ts';
import { IN_ABDOMEN } from './abdomen.ts';

/** The spleen: a lens along the tenth rib, moulded on the left wall and dome, hollowed by stomach and kidney. */
export function spleen(build: Build, kidneyHull: Solid, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream('spleen');
  const grow = growth(patient, random, 0.3) * patient.pathology.spleen;
  const [dx, dy, dz] = offsetOf(random, [3, 6, 7]);
  const lens = ellipsoid(
    [-98 + dx, -24 + dy, 72 + dz + 0.6 * patient.breathMm],
    [48 * grow, 67 * grow, 76 * grow],
    axesAlong([-0.15, -0.55 + random.normal(0, 0.15), 1], [1, 0.35, 0]),
    -9,
  );
  const solid = within(
    6,
    lens,
    ...IN_ABDOMEN,
    (p) => 2 + 4 * patient.visceral - kidneyHull.distance(p),
    (p) => 5 * noise.at(p.x / 24, p.y / 24, p.z / 24) - 3 + 0.4 * lens.distance(p),
  );
  // Early after injection the red pulp enhances in waves.
  const { phase } = patient.contrast;
  const waves = 45 * smoothstep(0.5, 1, phase) * smoothstep(1.6, 1.1, phase);
  return {
    solid,
    hu: (p) => {
      const wave = noise.at(p.x / 9, p.y / 9, p.z / 14);
      return tissues.spleen + waves * wave + mix(4, 0, waves / 45) * wave;
    },
    label,
  };
}
