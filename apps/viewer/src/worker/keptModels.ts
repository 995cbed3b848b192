/** Models that are kept in the browser's own storage, a folder each. */
import type { KeptModel, NamedFile } from '../protocol.ts';

const FOLDER = 'models';

async function allModels(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/** What is kept, by name, with its size. */
export async function keptModels(): Promise<KeptModel[]> {
  const kept: KeptModel[] = [];
  for await (const [name, handle] of (await allModels()).entries()) {
    if (handle.kind !== 'directory') continue;
    const files = await filesIn(handle as FileSystemDirectoryHandle, '');
    kept.push({ name, bytes: files.reduce((sum, { file }) => sum + file.size, 0) });
  }
  return kept.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Keeps a model under a name, in place of one of that name. Leaves nothing of it where the storage is full. */
export async function keepModel(name: string, files: readonly NamedFile[]): Promise<void> {
  const models = await allModels();
  await deleteKept(name);
  try {
    for (const { path, file } of files) {
      const parts = path.split('/');
      let folder = await models.getDirectoryHandle(name, { create: true });
      for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
      const kept = await folder.getFileHandle(parts.at(-1)!, { create: true });
      await file.stream().pipeTo(await kept.createWritable());
    }
  } catch (error) {
    await deleteKept(name);
    throw error;
  }
}

/** The files of a model that is kept. Throws a DOMException where there is none of this name. */
export async function filesOfKept(name: string): Promise<NamedFile[]> {
  return filesIn(await (await allModels()).getDirectoryHandle(name), '');
}

export async function deleteKept(name: string): Promise<void> {
  await (await allModels()).removeEntry(name, { recursive: true }).catch(unlessMissing);
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
}

async function filesIn(folder: FileSystemDirectoryHandle, prefix: string): Promise<NamedFile[]> {
  const files: NamedFile[] = [];
  for await (const [name, handle] of folder.entries()) {
    const path = prefix + name;
    if (handle.kind === 'file') files.push({ path, file: await (handle as FileSystemFileHandle).getFile() });
    else files.push(...(await filesIn(handle as FileSystemDirectoryHandle, `${path}/`)));
  }
  return files;
}
