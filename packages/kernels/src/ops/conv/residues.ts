/**
 * Taps along W, sorted by where they fall between strides: tap = place·stride + residue. Inputs at
 * (j + place)·stride + residue make one strip for all places of a residue, so that neighbouring outputs share it.
 */
export interface Residue {
  readonly residue: number;
  /** How many taps have it: places 0, 1, … */
  readonly places: number;
  /** Taps of the residues before. */
  readonly before: number;
}

export function residues(taps: number, stride: number): Residue[] {
  const result: Residue[] = [];
  for (let residue = 0, before = 0; residue < Math.min(stride, taps); residue++) {
    const places = Math.ceil((taps - residue) / stride);
    result.push({ residue, places, before });
    before += places;
  }
  return result;
}

/** Voxels of a strip beyond its outputs. */
export const haloOf = (list: readonly Residue[]): number =>
  Math.max(0, ...list.map(({ places }) => places - 1));

/** As WGSL constants RESIDUE and PLACES and BEFORE. */
export const residueConstants = (list: readonly Residue[]): string => {
  const array = (key: keyof Residue) =>
    `array<u32, ${list.length}>(${list.map((r) => `${r[key]}u`).join(', ')})`;
  return `const RESIDUE = ${array('residue')};
const PLACES = ${array('places')};
const BEFORE = ${array('before')};`;
};
