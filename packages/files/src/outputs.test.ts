/** What a command may not write over, whatever the path's form. */
import { linkSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { assertNew, assertNothingLost } from './outputs.ts';

/** A folder with `scans/a.nii.gz`, and ways to say what would be written. */
function scans() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'organseg-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [input, scan] = [join(folder, 'scans'), join(folder, 'scans', 'a.nii.gz')];
  mkdirSync(input);
  writeFileSync(scan, 'a scan');
  const write = (out: string, own: string[] = [], inputs = [input, scan]) =>
    assertNothingLost({ folder: out, files: ['report.json', 'a.nii.gz'], own, inputs });
  return { folder, input, scan, write };
}

test('a folder that is new, empty or the command’s own may be written into', async () => {
  const { folder, write } = scans();
  const out = join(folder, 'out');
  await write(out);
  mkdirSync(out);
  writeFileSync(join(out, 'log.txt'), '');
  await write(out);
  for (const name of ['report.json', 'a.nii.gz', 'b.nii.gz']) writeFileSync(join(out, name), '');
  await write(out, ['report.json', 'a.nii.gz', 'b.nii.gz']);
});

test('the folder that is read, by any name, and a folder in it are not written into', async () => {
  const { folder, input, write } = scans();
  const link = join(folder, 'link');
  symlinkSync(input, link);
  for (const out of [input, link, relative(process.cwd(), input), `${folder}/none/../scans/.`])
    await expect(write(out), out).rejects.toThrow(`${out}: is read from; choose another folder for --out`);
  for (const out of [join(input, 'new'), join(link, 'new', 'new')])
    await expect(write(out), out).rejects.toThrow(`${out}: lies in ${input}, which is read from`);
});

test('neither an input nor a file that nothing of the command’s names is replaced', async () => {
  const { folder, scan, input, write } = scans();
  await expect(write(input, [], [scan])).rejects.toThrow(`${scan}: would replace the input ${scan}`);
  const out = join(folder, 'out');
  mkdirSync(out);
  const map = join(out, 'a.nii.gz');
  for (const make of [linkSync, symlinkSync]) {
    make(scan, map);
    await expect(write(out, ['a.nii.gz'])).rejects.toThrow(`${map}: would replace the input ${scan}`);
    rmSync(map);
  }
  for (const name of ['a.nii.gz', 'other.nii.gz', 'other.HDR']) {
    const path = join(out, name);
    symlinkSync(join(folder, 'nothing'), path);
    await expect(write(out)).rejects.toThrow(`${path}: is there already, made by something else`);
    expect(() => assertNew(path)).toThrow(`${path}: is there already`);
    rmSync(path);
  }
});

test('what another command made is not written into', async () => {
  const { folder, write } = scans();
  const run = join(folder, 'run');
  mkdirSync(run);
  writeFileSync(join(run, 'config.json'), '{}');
  await expect(write(run)).rejects.toThrow(
    `${run}: holds a run (config.json); choose another folder for --out`,
  );
});
