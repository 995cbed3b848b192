/** A series in a few words, without what tells who the patient is. */
import { plural } from '@organseg/core/words.ts';

export interface SeriesFacts {
  /** The series' number in its study; null or undefined where it has none. */
  readonly number: string | null | undefined;
  readonly description: string | null | undefined;
  readonly modality: string;
  /** The number of its slices. */
  readonly slices: number;
}

/** Such as `2 "Abdomen 1.0", CT, 120 slices`. */
export const seriesLine = ({ number, description, modality, slices }: SeriesFacts): string =>
  `${number ?? '–'}${description ? ` "${description}"` : ''}, ${modality}, ${plural(slices, 'slice')}`;
