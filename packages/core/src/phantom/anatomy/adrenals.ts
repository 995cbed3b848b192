/** The adrenal glands. */
import { xyz } from '../../volume/volume.ts';
import { type Build, growth, offsetOf, type Part } from '../parts.ts';
import { axesAlong, ellipsoid, plate, type Solid, union } from '../shapes.ts';

/**
 * An adrenal gland above and inwards of its kidney: two thin limbs that run back from a ridge in front, an
 * inverted Y from above. `side` is +1 for the right, −1 for the left.
 */
export function adrenal(build: Build, side: 1 | -1, label: number): Part {
  const { patient, tissues, noise, stream } = build;
  const random = stream(side > 0 ? 'right adrenal' : 'left adrenal');
  const grow = growth(patient, random, 0.16);
  const offset = offsetOf(random, [1.5, 2, 4]);
  const ridge = xyz((axis) => (side > 0 ? [36, 14, 60] : [-36, 16, 54])[axis] + offset[axis]);
  const thick = (side > 0 ? 1.95 : 2.1) * grow;

  /** A limb that runs back and `outwards` from the ridge over twice `half` mm; the limbs' lower edges are level. */
  const limb = (outwards: number, half: number, halfHeight: number): Solid => {
    const axes = axesAlong([0.12 * side, -0.15, 1], [outwards * side, -1, 0]);
    const [along, , up] = axes;
    const centre = xyz((axis) => ridge[axis] + along[axis] * half - up[axis] * (16 - halfHeight));
    return plate(centre, [half, halfHeight], thick, axes);
  };
  const spread = random.uniform(0.25, 0.5);
  const solid = union(
    5,
    limb(0.15 + spread, 8.4 * grow, 11.5 * grow),
    limb(0.1 - 0.7 * spread, 8 * grow, 12.5 * grow),
    ellipsoid([ridge[0], ridge[1] + 2, ridge[2] - 2], [3.3 * grow, 3.5 * grow, 10 * grow]),
  );
  return { solid, hu: (p) => tissues.adrenal + 8 * noise.at(p.x / 5, p.y / 5, p.z / 5), label };
}
