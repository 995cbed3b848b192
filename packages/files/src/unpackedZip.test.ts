/** What is packed in a zip: unpacked within bounds, and nothing of it left behind. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BytesInMemory, zipOf } from './torch/torchFixture.ts';
import { openEntry } from './unpackedZip.ts';
import { type ZipEntry, zipEntries } from './zip.ts';

/** A folder for temporary files that nothing else uses. */
function ownTemporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('TMPDIR', path);
  return path;
}

/** A zip of one packed file, and its entry with changes. */
async function packed(bytes: Uint8Array, changes: Partial<ZipEntry> = {}) {
  const zip = new BytesInMemory(await zipOf(new Map([['weights.pth', bytes]])));
  const entry = { ...(await zipEntries(zip)).get('weights.pth')!, ...changes };
  return { zip, entry };
}

test('while it is unpacked, and after, no file of it has a name', async () => {
  const folder = ownTemporaryFolder();
  const bytes = Uint8Array.from({ length: 3000 }, (_, i) => i >> 4);
  const { zip, entry } = await packed(bytes);
  const seen: string[] = [];
  const read = zip.read.bind(zip);
  zip.read = (position, length) => {
    seen.push(...readdirSync(folder));
    return read(position, length);
  };
  const unpacked = await openEntry(zip, entry);
  expect([...unpacked.read(0, unpacked.size)]).toEqual([...bytes]);
  unpacked.close();
  expect([...seen, ...readdirSync(folder)]).toEqual([]);
});

test.each<[string, Partial<ZipEntry>, RegExp]>([
  ['larger than its directory says', { size: 2000 }, /: weights\.pth: is not what the zip's directory says$/],
  [
    'smaller than its directory says',
    { size: 4000 },
    /: weights\.pth: is not what the zip's directory says$/,
  ],
  [
    'packed as weights never are',
    { size: 17 << 20 },
    /: weights\.pth: is 17825792 bytes unpacked, more than 32 times /,
  ],
  ['a link', { isLink: true }, /: weights\.pth: is a symbolic link, which is not followed$/],
  ['a link that is not packed', { isLink: true, method: 0 }, /: weights\.pth: is a symbolic link, which/],
  [
    'larger than the disk',
    { size: 2 ** 60, packedSize: 2 ** 59 },
    /: weights\.pth: is \d+ bytes unpacked, \S+ has room for \d+; TMPDIR names another folder$/,
  ],
])('what is %s is refused, and leaves nothing behind', async (_, changes, fault) => {
  const folder = ownTemporaryFolder();
  const { zip, entry } = await packed(new Uint8Array(3000), changes);
  await expect(openEntry(zip, entry)).rejects.toThrow(fault);
  expect(readdirSync(folder)).toEqual([]);
});
