/** Zips of files in the browser's blobs, stored as they are. */
import { BlobReader, BlobWriter, configure, ZipWriter } from '@zip.js/zip.js/index-native.js';

configure({ useWebWorkers: false });

/** A zip of files by their paths. */
export async function storedZipOf(
  files: readonly { readonly path: string; readonly file: Blob }[],
): Promise<Blob> {
  const zip = new ZipWriter(new BlobWriter('application/zip'), { level: 0 });
  for (const { path, file } of files) await zip.add(path, new BlobReader(file));
  return zip.close();
}
