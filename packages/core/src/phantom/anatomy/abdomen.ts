/** The limits of the abdomen. */
import type { Distance } from '../shapes.ts';

/** Limits of what lies in the abdomen: it keeps clear of the cavity's wall and of the diaphragm by their linings. */
export const IN_ABDOMEN: readonly Distance[] = [(p) => p.inside + 2, (p) => p.diaphragm + 2];
