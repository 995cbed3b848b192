import type { Distance } from '../shapes.ts';

/** What lies in the abdomen keeps clear of the cavity's wall and of the diaphragm by their linings. */
export const IN_ABDOMEN: readonly Distance[] = [(p) => p.inside + 2, (p) => p.diaphragm + 2];
