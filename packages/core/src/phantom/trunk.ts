/**
 * The trunk's walls, which everything else is fitted to: the muscular wall of chest and belly, the cavity within
 * it and the diaphragm that divides the cavity.
 */
import { clamp, mix, profile, smoothstep } from './functions.ts';
import type { Patient } from './patient.ts';
import type { Place } from './place.ts';

/** Depth from the cavity's wall over which the diaphragm climbs to its dome. */
const DOME_DEPTH_MM = 85;

/** Fills in a place's distances to the trunk's walls, once its atlas position is known. */
export function trunkOf(patient: Patient): (place: Place) => void {
  const { muscle, breathMm } = patient;
  // Height z in the atlas, then mm at that height.
  const halfWidth = profile([
    [-230, 158],
    [-150, 152],
    [-90, 142],
    [-20, 140],
    [60, 146],
    [130, 147],
    [240, 132],
  ]);
  const front = profile([
    [-200, 92],
    [-140, 108],
    [-70, 120],
    [20, 130],
    [110, 128],
    [240, 104],
  ]);
  const back = profile([
    [-230, -88],
    [-150, -78],
    [-60, -70],
    [60, -72],
    [240, -78],
  ]);
  const lateralThickness = profile([
    [-210, 52],
    [-150, 42],
    [-100, 24 * muscle],
    [-40, 21 * muscle],
    [20, 20],
    [200, 20],
  ]);
  const backThickness = profile([
    [-170, 48],
    [-60, 39 * muscle],
    [10, 33 * muscle],
    [50, 18],
    [90, 14],
  ]);

  return (place) => {
    const { x, y, z } = place;
    const a = halfWidth(z);
    const high = front(z);
    const low = back(z);
    const b = (high - low) / 2;
    const dy = y - (high + low) / 2;
    const u = Math.abs(x) / a;
    const v = dy / b;
    // Between an ellipse and a superellipse of exponent 4.
    const round = Math.sqrt(u * u + v * v) + 1e-9;
    const square = Math.sqrt(Math.sqrt(u * u * u * u + v * v * v * v));
    const norm = mix(round, square, 0.45) + 1e-9;
    const radius = Math.sqrt(x * x + dy * dy);
    place.wall = radius - radius / norm;

    place.facing = v / round;
    const forward = smoothstep(0.55, 0.9, place.facing);
    const backward = smoothstep(0.4, 0.9, -place.facing);
    place.inside =
      place.wall +
      lateralThickness(z) * (1 - forward - backward) +
      10 * forward +
      backThickness(z) * backward;

    const edge = mix(48, 98, smoothstep(0.1, 0.95, place.facing)) + 0.5 * breathMm;
    const top = 131 + 11 * clamp(x / 55, -1, 1) + breathMm;
    const s = clamp(1 + place.inside / DOME_DEPTH_MM, 0, 1);
    const slope = (3 * (top - edge) * s * s) / DOME_DEPTH_MM;
    place.diaphragm = (z - edge - (top - edge) * (1 - s * s * s)) / Math.sqrt(1 + slope * slope);
  };
}
