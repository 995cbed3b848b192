/** Organs and how they are scored: FLARE22's 13, and those of any other data set. */

/** The most classes of a label map, background included: labels are bytes, the last of which marks what is ignored. */
export const MAX_CLASSES = 255;

/** An organ of a data set. */
export interface Organ {
  /** The label of the organ's voxels; 0 is background. */
  readonly id: number;
  /** The name in the challenge's tables. */
  readonly name: string;
  readonly longName: string;
  /** The distance in mm up to which two surfaces agree. */
  readonly toleranceMm: number;
  /** A tube that annotators cut off somewhere: FLARE22 compares it only on slices that the reference labels. */
  readonly isTube: boolean;
  /** The colour of overlays: red, green, blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** FLARE22's organs in the order of their ids, with the tolerances of the challenge's published evaluation. */
export const FLARE22_ORGANS: readonly Organ[] = [
  organ(1, 'Liver', 'liver', 5, [214, 92, 72]),
  organ(2, 'RK', 'right kidney', 3, [255, 196, 61]),
  organ(3, 'Spleen', 'spleen', 3, [151, 96, 214]),
  organ(4, 'Pancreas', 'pancreas', 5, [255, 138, 195]),
  tube(5, 'Aorta', 'aorta', 2, [230, 30, 50]),
  tube(6, 'IVC', 'inferior vena cava', 2, [60, 110, 235]),
  organ(7, 'RAG', 'right adrenal gland', 2, [120, 220, 90]),
  organ(8, 'LAG', 'left adrenal gland', 2, [30, 160, 90]),
  organ(9, 'Gallbladder', 'gallbladder', 2, [170, 205, 40]),
  tube(10, 'Esophagus', 'esophagus', 3, [160, 110, 70]),
  organ(11, 'Stomach', 'stomach', 5, [60, 205, 215]),
  organ(12, 'Duodenum', 'duodenum', 7, [240, 235, 130]),
  organ(13, 'LK', 'left kidney', 3, [255, 150, 40]),
];

/** The names of FLARE22's labels, which are those of phantoms too, background first. */
export const FLARE22_LABEL_NAMES: readonly string[] = [
  'background',
  ...FLARE22_ORGANS.map(({ longName }) => longName),
];

/** The tolerance of organs that FLARE22 does not know: TotalSegmentator's (Wasserthal 2023). */
const OTHER_TOLERANCE_MM = 3;

/** The labels of all organs: every one but the background's. */
export const organLabels = (labelNames: readonly string[]): number[] => [...labelNames.keys()].slice(1);

/**
 * The organs of a data set by its label names, background first: FLARE22's where the labels are those, in that order;
 * else its own under their names, with FLARE22's tolerance where it has an organ of the name.
 */
export function organsOf(labelNames: readonly string[]): readonly Organ[] {
  const names = labelNames.slice(1);
  if (names.length === FLARE22_ORGANS.length && names.every((name, i) => isNamed(FLARE22_ORGANS[i]!, name)))
    return FLARE22_ORGANS;
  return names.map((name, i) => {
    const id = i + 1;
    const { toleranceMm, isTube } = FLARE22_ORGANS.find((known) => isNamed(known, name)) ?? {
      toleranceMm: OTHER_TOLERANCE_MM,
      isTube: false,
    };
    return { id, name, longName: name, toleranceMm, isTube, colour: labelColour(id) };
  });
}

/** Whether an organ has this name, long or short. Small and capital letters are the same, "_" is a space. */
function isNamed({ name, longName }: Organ, asked: string): boolean {
  const plain = asked.trim().toLowerCase().replaceAll('_', ' ');
  return plain === longName || plain === name.toLowerCase();
}

/** The colour of an organ's id; ids beyond the table take the table's colours again. */
export const labelColour = (id: number): Organ['colour'] =>
  FLARE22_ORGANS[(id - 1) % FLARE22_ORGANS.length]!.colour;

/** The labels of a table in a file, as viewers show them, by their names, background first. */
export const labelEntries = (labelNames: readonly string[]) =>
  labelNames.map((name, id) => ({ id, name, colour: id === 0 ? BACKGROUND_COLOUR : labelColour(id) }));

const BACKGROUND_COLOUR: Organ['colour'] = [0, 0, 0];

function organ(
  id: number,
  name: string,
  longName: string,
  toleranceMm: number,
  colour: Organ['colour'],
): Organ {
  return { id, name, longName, toleranceMm, isTube: false, colour };
}

function tube(...fields: Parameters<typeof organ>): Organ {
  return { ...organ(...fields), isTube: true };
}
