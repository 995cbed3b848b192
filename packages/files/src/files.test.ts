/** Files read and written by path: NIfTI, gzip, JSON, whole or not at all. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@organseg/core/inputError.ts';
import { niftiFile, niftiHeader, niftiVoxels } from '@organseg/core/volume/niftiFixture.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asInputError } from './errors.ts';
import { openNiftiFile, readLabelsFile, readNiftiFile, writeNiftiFile } from './nifti.ts';
import { namesIn, statOf } from './read.ts';
import { makeFolder, writeFolderWhole, writeWhole } from './write.ts';

const CUT = 'the gzip stream is cut short';
const TRAILING = 'data follows the end of the gzip stream';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'organseg-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

describe('reading', () => {
  it('finds the other file of a pair, whichever was named and whichever is gzipped', async () => {
    const header = niftiHeader({ magic: 'ni1\0', voxOffset: 0 });
    const voxels = niftiVoxels();
    const names = [
      await put('a.hdr', header),
      await put('a.img', voxels),
      await put('b.hdr.gz', gzipSync(header)),
      await put('b.img.gz', gzipSync(voxels)),
      await put('c.hdr', header),
      await put('c.img.gz', gzipSync(voxels)),
    ];
    for (const name of names) expect([...(await readNiftiFile(name)).data]).toEqual([...Array(24).keys()]);
  });

  it('reads label maps, and headers alone', async () => {
    const path = await put('l.nii.gz', gzipSync(niftiFile()));
    expect((await readLabelsFile(path)).data).toBeInstanceOf(Uint8Array);
    const nifti = await openNiftiFile(path);
    expect(nifti.header.shape).toEqual([4, 3, 2]);
    await nifti.cancel();
  });

  it('reads gzip of several members, as bgzip writes, and padded with zeros, as tapes are', async () => {
    const bytes = niftiFile();
    const halves = [bytes.subarray(0, 200), bytes.subarray(200)].map((half) => gzipSync(half));
    const path = await put(
      'members.nii.gz',
      Buffer.concat([...halves, gzipSync(Buffer.of()), new Uint8Array(1e6)]),
    );
    expect([...(await readNiftiFile(path)).data]).toEqual([...Array(24).keys()]);
  });

  it.each([
    ['is empty', () => new Uint8Array(), 'the file is empty'],
    ['is not gzip', () => niftiFile(), 'the name says gzip, the content is not'],
    ['is cut short', (packed) => packed.subarray(0, -1), CUT],
    ['has a wrong checksum', (packed) => packed.with(-5, packed.at(-5)! ^ 1), 'the gzip checksum is wrong'],
    ['ends in a part of a second member', (packed) => Buffer.concat([packed, packed.subarray(0, 9)]), CUT],
    ['goes on', (packed) => Buffer.concat([packed, Buffer.from('more')]), TRAILING],
    ['goes on behind zeros', (packed) => Buffer.concat([packed, new Uint8Array(1e6), packed]), TRAILING],
  ] as [string, (packed: Uint8Array) => Uint8Array, string][])(
    'refuses a gzip file that %s',
    async (name, spoil, fault) => {
      const path = await put(`${name}.nii.gz`, spoil(gzipSync(niftiFile())));
      await expect(readNiftiFile(path)).rejects.toThrow(new InputError(`${path}: ${fault}`));
    },
  );

  it('says in one line what the operating system refused', async () => {
    for (const missing of ['none.nii', 'none.nii.gz'].map((name) => join(folder, name)))
      await expect(readNiftiFile(missing)).rejects.toThrow(
        new InputError(`${missing}: no such file or directory`),
      );
    const link = join(folder, 'link');
    await symlink('/nowhere/none', link);
    await expect(statOf(link)).rejects.toThrow(new InputError(`${link}: no such file or directory`));
    await expect(namesIn(join(folder, 'none'))).rejects.toThrow(/none: no such file or directory$/);
    await expect(readNiftiFile(folder)).rejects.toThrow(new InputError(`${folder}: is a directory`));
    const pipe = join(folder, 'pipe.nii');
    execFileSync('mkfifo', [pipe]);
    for (const endless of ['/dev/zero', pipe])
      await expect(readNiftiFile(endless)).rejects.toThrow(
        new InputError(`${endless}: is a device or a pipe, not a regular file`),
      );
    const half = await put('half.hdr', niftiHeader({ magic: 'ni1\0', voxOffset: 0 }));
    const image = join(folder, 'half.img');
    await expect(readNiftiFile(half)).rejects.toThrow(new InputError(`${image}: no such file or directory`));
  });
});

describe('writing', () => {
  const volume = {
    shape: [2, 1, 1] as const,
    affine: Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
    data: Uint8Array.from([3, 4]),
  };

  it('leaves the whole file and nothing beside it', async () => {
    const inside = join(folder, 'whole');
    await mkdir(inside);
    await writeNiftiFile(join(inside, 'out.nii.gz'), volume);
    await writeWhole(join(inside, 'out.json'), '{}\n');
    expect(await readdir(inside)).toEqual(['out.json', 'out.nii.gz']);
    expect((await readLabelsFile(join(inside, 'out.nii.gz'))).data).toEqual(volume.data);
  });

  it('leaves what was there where it fails half way', async () => {
    const inside = join(folder, 'failing');
    await mkdir(inside);
    const path = join(inside, 'out.bin');
    await writeWhole(path, 'before');
    async function* failing() {
      yield new Uint8Array(1 << 20);
      throw new Error('out of ideas');
    }
    await expect(writeWhole(path, failing())).rejects.toThrow('out of ideas');
    expect(await readdir(inside)).toEqual(['out.bin']);
    expect(await readFile(path, 'utf8')).toBe('before');
  });

  it('writes gzip only under a name that says so', async () => {
    await expect(writeNiftiFile(join(folder, 'out.nii'), volume)).rejects.toThrow(
      /out\.nii: volumes are written as/,
    );
  });

  it('makes folders, and says why where it cannot', async () => {
    const made = join(folder, 'made/inside');
    await makeFolder(made);
    await makeFolder(made);
    expect(await readdir(made)).toEqual([]);
    const file = await put('a file', new Uint8Array());
    await expect(makeFolder(file)).rejects.toThrow(
      new InputError(`${file}: is there already, and is no directory`),
    );
    const below = join(file, 'b', 'c');
    await expect(makeFolder(below)).rejects.toThrow(new InputError(`${below}: a part of the path is a file`));
    await expect(makeFolder('/proc/1/a')).rejects.toThrow(
      new InputError('/proc/1/a: no such file or directory'),
    );
    const scan = join(folder, 'scan.nii.gz');
    for (const name of [scan, `${scan}/`])
      await expect(makeFolder(name)).rejects.toThrow(
        new InputError(`${name}: names a file, expected a folder`),
      );
  });

  it('replaces no file of the user’s on the way, and removes what a killed process left there', async () => {
    const inside = join(folder, 'killed');
    await mkdir(inside);
    await writeFile(join(inside, 'out.bin.part'), 'mine');
    const killed = `import { writeWhole } from ${JSON.stringify(import.meta.resolve('./write.ts'))};
      async function* half() {
        yield new Uint8Array(1 << 20);
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => setInterval(() => {}, 1e6));
      }
      await writeWhole('out.bin', half());`;
    const run = () => spawnSync(process.execPath, ['--input-type=module', '--eval', killed], { cwd: inside });
    expect(run().signal).toBe('SIGKILL');
    expect(await readdir(inside)).toHaveLength(2);
    expect(run().signal).toBe('SIGKILL'); // its own is left, not the first one's
    expect(await readdir(inside)).toHaveLength(2);
    await writeWhole(join(inside, 'out.bin'), 'whole');
    expect(await readdir(inside)).toEqual(['out.bin', 'out.bin.part']);
    expect(await readFile(join(inside, 'out.bin.part'), 'utf8')).toBe('mine');
  });

  it('writes a folder whole or leaves nothing of it, and removes what a killed process left of one', async () => {
    const inside = join(folder, 'folders');
    const out = join(inside, 'out');
    const half = async (aside: string) => {
      await writeWhole(join(aside, 'first'), '1');
      await writeWhole(join(aside, 'nowhere', 'second'), '2');
    };
    await expect(writeFolderWhole(out, half)).rejects.toThrow(
      new InputError(`${join(out, 'nowhere', 'second')}: no such file or directory`),
    );
    expect(await readdir(inside)).toEqual([]);
    const killed = `import { writeFolderWhole } from ${JSON.stringify(import.meta.resolve('./write.ts'))};
      await writeFolderWhole('out', async () => {
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => setInterval(() => {}, 1e6));
      });`;
    const run = () => spawnSync(process.execPath, ['--input-type=module', '--eval', killed], { cwd: inside });
    for (const _ of [1, 2]) {
      expect(run().signal).toBe('SIGKILL');
      expect(await readdir(inside)).toHaveLength(1); // its own, not the first one's
    }
    await expect(writeFolderWhole(inside, half)).rejects.toThrow(`${inside}: is there already`);
  });

  it('says that a file system is read-only, or what limits a file’s size, and leaves no part', async () => {
    const refused = Object.assign(new Error('EROFS: read-only'), { code: 'EROFS', syscall: 'open' });
    expect(asInputError(refused, 'out/a.nii.gz')).toEqual(
      new InputError('out/a.nii.gz: read-only file system'),
    );
    const inside = join(folder, 'limited');
    await mkdir(inside);
    const code = `import { writeWhole } from ${JSON.stringify(import.meta.resolve('./write.ts'))};
      await writeWhole('out.json', 'x'.repeat(9999)).catch(({ message }) => console.log(message));`;
    const shell = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, '--input-type=module', '--eval'];
    const { stdout } = spawnSync('sh', [...shell, code], { cwd: inside, encoding: 'utf8' });
    expect(stdout).toBe('out.json: larger than the file system or a limit allows\n');
    expect(await readdir(inside)).toEqual([]);
  });

  it('names the file that cannot be written', async () => {
    const path = join(folder, 'nowhere', 'out.nii.gz');
    await expect(writeNiftiFile(path, volume)).rejects.toThrow(
      new InputError(`${path}: no such file or directory`),
    );
  });
});
