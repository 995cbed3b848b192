/** The native files of a folder, by what their first bytes say they are and run on. */
import { closeSync, globSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The numbers of processors in the headers of each system's binaries. */
const ELF: Record<number, string> = { 62: 'linux-x64', 183: 'linux-arm64' };
const MACH_O: Record<number, string> = { 16777223: 'darwin-x64', 16777228: 'darwin-arm64' };
const PE: Record<number, string> = { 34404: 'win32-x64', 43620: 'win32-arm64' };

/** The native files below a folder and the platforms that they run on, by path. */
export function nativeFilesIn(folder: string): Record<string, string> {
  const files = globSync('**', { cwd: folder }).filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(
    files.sort().flatMap((path) => {
      const platform = platformOf(join(folder, path));
      return platform ? [[path, platform]] : [];
    }),
  );
}

function platformOf(path: string): string | undefined {
  const head = Buffer.alloc(1024);
  const file = openSync(path, 'r');
  readSync(file, head);
  closeSync(file);
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f45_4c46) return ELF[head.readUInt16LE(18)] ?? 'another Linux';
  if (magic === 0xcffa_edfe) return MACH_O[head.readUInt32LE(4)] ?? 'another Mac';
  if (magic === 0xcafe_babe) return 'several Macs';
  if (head.toString('latin1', 0, 2) !== 'MZ') return undefined;
  return PE[head.readUInt16LE(head.readUInt32LE(0x3c) + 4)] ?? 'another Windows';
}
