/** Twin of `ops/prelu.ts`, of an input that no norm is applied to. */
import { type Reference, reference } from './array.ts';

/** The slope of element i: the only one, or its channel's. */
const slopeOf = ({ data }: Reference, i: number) => data[i % data.length]!;

export const forward = ({ shape, data }: Reference, slope: Reference): Reference =>
  reference(
    shape,
    data.map((x, i) => (x > 0 ? x : slopeOf(slope, i) * x)),
  );

export function backward({ shape, data }: Reference, slope: Reference, dOutput: Reference) {
  const dSlope = reference(slope.shape);
  const dInput = dOutput.data.map((g, i) => g * (data[i]! > 0 ? 1 : slopeOf(slope, i)));
  dOutput.data.forEach((g, i) => {
    dSlope.data[i % dSlope.data.length]! += g * Math.min(data[i]!, 0);
  });
  return { dInput: reference(shape, dInput), dSlope };
}
