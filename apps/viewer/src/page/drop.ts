/** Files as the browser hands them over: dropped, folders and all, or chosen. */
import type { NamedFile } from '../protocol.ts';

/** The files of what was dropped, those in folders by their paths. */
export async function droppedFiles(transfer: DataTransfer): Promise<NamedFile[]> {
  // Entries are gone once the event has passed, so that all are taken before the first is waited for.
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter(
    (entry) => entry !== null,
  );
  return (await Promise.all(entries.map((entry) => filesOf(entry, '')))).flat();
}

/** Names of files that are taken for a scan or a model, whatever lies beside them. */
const NAMED = /\.(nii|nii\.gz|hdr|img|zip|json|pth|pt|safetensors)$/i;

/**
 * What lies beside the slices of a series of DICOM and would be taken for a scan or a model in its place; nothing where
 * slices are not the most of the files.
 */
export async function besideSlices(files: readonly NamedFile[]): Promise<NamedFile[]> {
  const others = files.filter(({ path }) => NAMED.test(path));
  if (others.length === 0) return [];
  const marks = await Promise.all(
    files.map(({ file }) =>
      file
        .slice(128, 132)
        .text()
        .catch(() => ''),
    ),
  );
  return marks.filter((mark) => mark === 'DICM').length > files.length / 2 ? others : [];
}

/** The files of an input, those of a folder by their paths. */
export const chosenFiles = (input: HTMLInputElement): NamedFile[] =>
  Array.from(input.files ?? [], (file) => ({ path: file.webkitRelativePath || file.name, file }));

/** Files of the site, by their paths from the page. */
export const fetchedFiles = (paths: readonly string[]): Promise<NamedFile[]> =>
  Promise.all(
    paths.map(async (path) => {
      const answer = await fetch(new URL(path, document.baseURI));
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return { path, file: await answer.blob() };
    }),
  );

async function filesOf(entry: FileSystemEntry, prefix: string): Promise<NamedFile[]> {
  const path = prefix + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    return entry.name.startsWith('.') ? [] : [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: NamedFile[] = [];
  for (;;) {
    // A call gives at most a hundred entries, and none once all were given.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return files;
    for (const each of entries) files.push(...(await filesOf(each, `${path}/`)));
  }
}
