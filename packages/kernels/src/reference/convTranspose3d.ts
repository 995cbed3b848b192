/** Twin of `ops/convTranspose3d.ts`: blocks that touch, since the kernel is as long as the stride. */
import { type Dhw, dhwOfList } from '../axes.ts';
import type { Reference } from './array.ts';
import * as overlapping from './convTransposeOverlap3d.ts';

const TOUCHING: Dhw = [0, 0, 0];
const strideOf = (weight: Reference): Dhw => dhwOfList(weight.shape, 2);

/** weight [Cin, Cout, sD, sH, sW], bias [Cout] */
export const forward = (input: Reference, weight: Reference, bias?: Reference): Reference =>
  overlapping.forward(input, weight, bias, strideOf(weight), TOUCHING);

export const backward = (input: Reference, weight: Reference, dOutput: Reference) =>
  overlapping.backward(input, weight, dOutput, strideOf(weight), TOUCHING);
