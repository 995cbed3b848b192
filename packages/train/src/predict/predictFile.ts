/** The prediction of a scan by its path. */
import { InputError } from '@organseg/core/inputError.ts';
import { type NiftiSpace, statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import type { ScanDoubt } from '@organseg/core/volume/scanDoubts.ts';
import { readRecordedScan, type ScanRecord } from '@organseg/files/scanRecord.ts';
import { isMemoryFault } from './attempts.ts';
import type { CasePrediction, Segmenter } from './predictor.ts';

/** The prediction of a scan that was read from a file. */
export interface FilePrediction extends CasePrediction {
  readonly space: NiftiSpace;
  readonly doubts: readonly ScanDoubt[];
  /** The scan's files as they were when it was read. */
  readonly record: ScanRecord;
}

/** Reads and segments a scan. Why this one alone could not be is returned, with its path; all else is thrown. */
export async function predictFile(
  segmenter: Segmenter,
  path: string,
  onShare?: (share: number) => void,
): Promise<FilePrediction | { readonly fault: string }> {
  try {
    const { channels, record } = await readRecordedScan(path, segmenter.channelNames);
    const { space } = channels[0].header;
    const scan = { channels, spacingMm: statedSpacingMm(space) };
    const made = await segmenter.predict(scan, { onShare });
    return { ...made, space, doubts: channels.flatMap(({ doubts }) => doubts), record };
  } catch (error) {
    if (isMemoryFault(error)) return { fault: `${path}: ${error.message}` };
    if (error instanceof InputError) return { fault: error.message };
    throw error;
  }
}
