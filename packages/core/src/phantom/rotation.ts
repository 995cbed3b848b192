/** Turns about the three axes. */
import type { Xyz } from '../volume/volume.ts';

/** The rows of Rz·Ry·Rx, which turns by degrees about x, then y, then z. */
export function rotation(degrees: Xyz): readonly [Xyz, Xyz, Xyz] {
  const [a, b, c] = degrees.map((angle) => (angle * Math.PI) / 180);
  const [sa, ca, sb, cb, sc, cc] = [a, b, c].flatMap((angle) => [Math.sin(angle), Math.cos(angle)]);
  return [
    [cc * cb, cc * sb * sa - sc * ca, cc * sb * ca + sc * sa],
    [sc * cb, sc * sb * sa + cc * ca, sc * sb * ca - cc * sa],
    [-sb, cb * sa, cb * ca],
  ];
}
