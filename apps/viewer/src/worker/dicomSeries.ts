/** A series of DICOM slices that was dropped on the page. */
import { readScan, type Scan } from '@organseg/core/volume/volumeStream.ts';
import { readContents } from '@organseg/dicom/contents.ts';
import { openSeries } from '@organseg/dicom/openSeries.ts';
import type { NamedFile } from '../protocol.ts';
import { unreadable } from './blobBytes.ts';

/**
 * The one series among files; `onShare` is told the share of its slices that has been read. Throws InputError, also where
 * there are several.
 */
export async function readSeries(
  files: readonly NamedFile[],
  folder: string,
  onShare: (share: number) => void,
): Promise<Scan> {
  let whole = 0;
  const contents = await readContents(
    files.map(({ path, file }) => ({
      name: path,
      async read(atMost = file.size) {
        if (atMost === file.size) onShare(Math.min(1, ++whole / files.length));
        const bytes = await file
          .slice(0, atMost)
          .arrayBuffer()
          .catch((error) => {
            throw unreadable(error, path);
          });
        return new Uint8Array(bytes);
      },
    })),
  );
  return readScan(openSeries(contents, folder));
}
