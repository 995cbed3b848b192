/**
 * Numbers along a tensor's spatial axes, in the order D, H, W: sizes, places, strides. An array literal is one; what
 * is typed x, y, z (core/volume/volume.ts) is not.
 */
export type Dhw = readonly [number, number, number] & { readonly axes?: 'dhw' };

/** Three numbers of a list, such as the sizes in a shape that begins with other axes, from place `first` on. */
export const dhwOfList = (numbers: readonly number[], first = 0): Dhw =>
  dhw((axis) => numbers[first + axis]!);

/** What a function gives for axes 0, 1 and 2. */
export const dhw = (at: (axis: number) => number): Dhw => [at(0), at(1), at(2)];
