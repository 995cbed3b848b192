/** Fluid where none belongs, in the abdomen and in the chest, and the arms of those who cannot raise them. */
import { mix } from '../functions.ts';
import { type Build, coverage, FAT_HU, type Part, plain } from '../parts.ts';
import { EVERYWHERE, tube } from '../shapes.ts';

/** Ascites: fluid along the walls of the abdomen, which organs and bowel displace. */
export function ascites({ patient, stream }: Build): Part[] {
  const { ascitesMm } = patient.pathology;
  if (ascitesMm === 0) return [];
  const hu = stream('ascites').uniform(0, 25);
  const distance: Part['solid']['distance'] = (p) =>
    Math.max(p.inside + 1, -p.inside - ascitesMm, p.diaphragm + 1);
  return [{ solid: { bounds: EVERYWHERE, distance }, hu: plain(hu), label: 0 }];
}

/** Pleural effusion: fluid behind the lungs, its level flat on the table. */
export function effusion({ patient, deformation, stream }: Build): Part[] {
  const { effusionMm } = patient.pathology;
  if (effusionMm === 0) return [];
  const random = stream('effusion');
  const hu = random.uniform(0, 30);
  const [, lowestMm] = deformation.onTable([70, -60, 100]);
  const side = random.pick([-1, 0, 1]);
  const distance: Part['solid']['distance'] = (p) =>
    Math.max(
      p.inside + 2,
      2 - p.diaphragm,
      p.tableY - lowestMm - effusionMm,
      side === 0 ? -Infinity : 8 - side * p.x,
    );
  return [
    { solid: { bounds: { min: [-170, -110, 20], max: [170, 150, 340] }, distance }, hu: plain(hu), label: 0 },
  ];
}

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
    const flesh: Part['hu'] = (_, distance) => {
      const fat = coverage(-distance - 0.3 * thick, 6);
      return mix(tissues.muscle, FAT_HU, fat);
    };
    const marrow: Part['hu'] = (p, distance) => mix(cortical, 20, coverage(distance + 4, p.voxelMm));
    return [
      { solid: arm, hu: flesh, label: 0 },
      { solid: bone, hu: marrow, label: 0 },
    ];
  });
}
