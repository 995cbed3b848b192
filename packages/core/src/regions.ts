/** Regions: names that stand for several ids of a label map and may overlap, as a tumour and its core do. */

/** A region, which a network has an output channel for. */
export interface Region {
  /** The ids of the voxels that it holds. */
  readonly labels: readonly number[];
  /** The id of its voxels in a predicted label map, unless a later region holds them. */
  readonly label: number;
}

/** A table by id: 1 where it is one of `ids`, 0 elsewhere. */
export function membersOf(ids: readonly number[]): Uint8Array {
  const isIn = new Uint8Array(256);
  for (const id of ids) isIn[id] = 1;
  return isIn;
}

/** What is told apart in a label map. */
export interface Structure {
  /** The id whose name it has. */
  readonly label: number;
  readonly name: string;
  /** The ids of its voxels: those of a region, else the label alone. */
  readonly ids: readonly number[];
}

/** The structures by their labels, without the background, which `labelNames` begin with. */
export const structuresOf = (labelNames: readonly string[], regions: readonly Region[] = []): Structure[] =>
  labelNames
    .map((name, label) => ({
      label,
      name,
      ids: regions.find((region) => region.label === label)?.labels ?? [label],
    }))
    .slice(1);

/**
 * What the voxels of each id are, background first: the id of a region is that part of it which no other region holds,
 * such as `tumour without core`.
 */
export function namesById(labelNames: readonly string[], regions?: readonly Region[]): readonly string[] {
  if (!regions) return labelNames;
  return labelNames.map((name, id) => {
    const own = regions.find(({ label }) => label === id);
    const lacking = regions.filter(
      (other) => !other.labels.includes(id) && other.labels.some((label) => own?.labels.includes(label)),
    );
    const largest = lacking.filter(
      (one) => !lacking.some((other) => other.labels.length > one.labels.length && holds(other, one)),
    );
    const without = largest.map(({ label }) => labelNames[label]).join(' and ');
    return without ? `${name} without ${without}` : name;
  });
}

const holds = (outer: Region, inner: Region): boolean =>
  inner.labels.every((label) => outer.labels.includes(label));
