/** Skin, the fat under it, the muscular wall and the fat of the cavity: what all else is embedded in. */
import { clamp, mix, profile, smoothstep } from '../functions.ts';
import { type Build, coverage, FAT_HU, type Material, type Part } from '../parts.ts';
import type { Patient } from '../patient.ts';
import { type Distance, EVERYWHERE } from '../shapes.ts';

/** The distance to the skin: the wall plus the fat under the skin, thick in front and low down. */
export function skinOf({ subcutaneousMm }: Patient): Distance {
  const overHeight = profile([
    [-180, 1.5],
    [-60, 1.15],
    [0, 0.95],
    [100, 0.6],
  ]);
  return (p) => {
    const around = 0.6 + 0.4 * smoothstep(0, 0.9, p.facing) + 0.3 * smoothstep(0.1, 0.8, -p.facing);
    return p.wall - 2 - subcutaneousMm * overHeight(p.z) * around;
  };
}

export function wall({ patient, tissues, noise }: Build): Part[] {
  const skin: Part = {
    solid: { bounds: EVERYWHERE, distance: skinOf(patient) },
    hu: (p, distance) => {
      const strands = smoothstep(0.5, 0.75, Math.abs(noise.at(p.x / 22, p.y / 22, p.z / 30)));
      return mix(10, FAT_HU + 45 * strands, coverage(distance + 2, p.voxelMm));
    },
    label: 0,
  };

  // Fat between the muscles: more with age, most behind, where it parts the muscles of the back from the flank.
  const fatty = 0.3 * patient.age;
  const muscle: Material = (p) => {
    const grain = noise.at(p.x / 13, p.y / 13, p.z / 45);
    const flank = smoothstep(0.25, 0.5, -p.facing) * smoothstep(0.86, 0.7, -p.facing);
    const layers = flank * smoothstep(60, -20, p.z);
    const share = smoothstep(0.55, 1.1, Math.abs(grain) + fatty + 0.7 * layers);
    return mix(tissues.muscle + 6 * grain, FAT_HU, 0.85 * share);
  };
  const muscles: Part = {
    solid: { bounds: EVERYWHERE, distance: (p) => p.wall },
    hu: muscle,
    label: 0,
  };

  // The mesentery: fat with vessels, which noise near zero draws as thin sheets cut into strands.
  const cavity: Part = {
    solid: { bounds: EVERYWHERE, distance: (p) => p.inside },
    hu: (p) => {
      const sheet = Math.abs(noise.at(p.x / 17 + 5, p.y / 17, p.z / 17));
      const cut = noise.at(p.x / 11, p.y / 11 + 9, p.z / 11);
      const vessel = clamp(1 - sheet * 17 * (1.5 / Math.max(p.voxelMm, 1.5)) ** 0.5, 0, 1);
      const strength = vessel * smoothstep(0.05, 0.3, cut) * smoothstep(0, 25, -p.inside);
      return mix(FAT_HU, tissues.portalVein, 0.75 * strength);
    },
    label: 0,
  };
  return [skin, muscles, cavity];
}
