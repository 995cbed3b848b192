/**
 * Training labels, one byte a voxel, that hold the voxel's weight in the loss beside its class, so that whatever moves
 * labels moves weights with them:
 *
 *   0 to 126             the class of a voxel whose label is the truth: weight 1
 *   PSEUDO + 0 to 126    the class of a voxel that a network labelled: a weight that the settings give
 *   IGNORED              a voxel without a label: weight 0
 */

/** The bit of a label that a network gave. */
export const PSEUDO = 0x80;

/** The label of a voxel that teaches nothing. */
export const IGNORED = 0xff;

/** The class of a coded label that is not ignored. */
export const classOf = (label: number): number => label & ~PSEUDO;

/** Makes coded labels plain ones, in place: the PSEUDO bit goes, ignored ones stay so. */
export function stripPseudo(labels: Uint8Array): void {
  for (let i = 0; i < labels.length; i++) if (labels[i] !== IGNORED) labels[i]! &= ~PSEUDO;
}

/** The weight of a voxel with a coded label, given that of pseudo-labels. */
export function weightOf(label: number, pseudoWeight: number): number {
  if (label === IGNORED) return 0;
  return label & PSEUDO ? pseudoWeight : 1;
}

/** The number of classes that coded labels can tell apart. */
export const CODED_CLASSES = 127;
