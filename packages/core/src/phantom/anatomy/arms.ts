/** The arms of those who cannot raise them. */
import { mix } from '../functions.ts';
import { type Build, coverage, FAT_HU, type Material, type Part } from '../parts.ts';
import { tube } from '../shapes.ts';

/** Both arms beside the trunk: bone, muscle and fat. */
export function arms({ patient, tissues, stream }: Build): Part[] {
  if (!patient.pathology.armsDown) return [];
  const random = stream('arms');
  const thick = random.uniform(36, 48);
  const cortical = mix(1100, 700, patient.age);
  return [1, -1].flatMap((side) => {
    const x = side * (152 + patient.subcutaneousMm + thick + random.uniform(0, 14));
    const y = random.uniform(-30, 50);
    const at = (height: number, radius: number) => [x, y + random.normal(0, 5), height, radius] as const;
    const arm = tube([at(-330, 0.6 * thick), at(-150, 0.75 * thick), at(40, thick), at(330, 1.15 * thick)]);
    const bone = tube([at(-330, 10), at(40, 12), at(330, 13)]);
    const flesh: Material = (_, distance) =>
      mix(tissues.muscle, FAT_HU, coverage(-distance - 0.3 * thick, 6));
    const marrow: Material = (p, distance) => mix(cortical, 20, coverage(distance + 4, p.voxelMm));
    return [
      { solid: arm, hu: flesh, label: 0 },
      { solid: bone, hu: marrow, label: 0 },
    ];
  });
}
