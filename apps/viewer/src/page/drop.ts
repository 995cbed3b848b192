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
