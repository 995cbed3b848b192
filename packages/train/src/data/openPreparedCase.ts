/** Prepared cases by the paths of their files. */
import { SafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import { PreparedCase } from './preparedCase.ts';

/** The files of a case. */
export interface PreparedPaths {
  readonly image: string;
  /** File of the labels; without one the case is background throughout. */
  readonly labels?: string | undefined;
  /** Whether a network gave these labels. */
  readonly isPseudo?: boolean;
}

/** Throws InputError where a file is not there or holds something else. */
export function openPreparedCase({ image: path, labels }: PreparedPaths): PreparedCase {
  const image = new SafetensorsFile(path);
  let open: SafetensorsFile | undefined;
  try {
    if (labels !== undefined) open = new SafetensorsFile(labels);
  } catch (error) {
    image.close();
    throw error;
  }
  return new PreparedCase(image, open);
}
