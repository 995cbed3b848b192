/** Fluid where none belongs, in the abdomen and in the chest. */
import { type Build, type Part, plain } from '../parts.ts';
import { type Distance, EVERYWHERE } from '../shapes.ts';

/** Ascites: fluid along the walls of the abdomen, which organs and bowel displace. */
export function ascites({ patient, stream }: Build): Part[] {
  const { ascitesMm } = patient.pathology;
  if (ascitesMm === 0) return [];
  const hu = stream('ascites').uniform(0, 25);
  const distance: Distance = (p) => Math.max(p.inside + 1, -p.inside - ascitesMm, p.diaphragm + 1);
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
  const distance: Distance = (p) =>
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
