/**
 * The bundles of all platforms: what is native in them, names that Windows takes, and the commands of the one for Linux
 * on Arm, run by qemu, beside the same commands here.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BlobReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLATFORMS, type PlatformName } from '../../scripts/bundle/platforms.ts';
import { nativeFilesIn } from './nativeFiles.ts';

const MOST_MIB = 56;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-bundles-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bundleOf = (name: PlatformName) => join(folder, `organseg-${name}`);

/** Makes a bundle, packed fast; returns its archive. */
function make(name: PlatformName): string {
  const archive = join(folder, `${name}.${PLATFORMS[name].archive}`);
  const options = { encoding: 'utf8', env: { ...process.env, XZ_OPT: '-1 -T0' } } as const;
  const made = spawnSync(process.execPath, ['scripts/bundle.ts', '--for', name, '--out', archive], options);
  expect(made.stderr).toBe('');
  expect(readFileSync(archive).length / 2 ** 20).toBeLessThan(MOST_MIB);
  return archive;
}

test.each(['linux-x64', 'linux-arm64', 'darwin-arm64'] as const)(
  'holds what is native to %s, and nothing else that is native',
  (name) => {
    expect(spawnSync('tar', ['xf', make(name)], { cwd: folder }).status).toBe(0);
    const { os, cpu, dawn } = PLATFORMS[name];
    expect(nativeFilesIn(bundleOf(name))).toEqual({
      [`lib/dist/${dawn}/dawn.node`]: name,
      'lib/node': name,
      [`lib/node_modules/@koromix/koffi-${name}/${os}_${cpu}/koffi.node`]: name,
    });
  },
);

test('holds what is native to Windows, under names that Windows takes', async () => {
  const name = 'win32-x64';
  const reader = new ZipReader(new BlobReader(new Blob([readFileSync(make(name))])));
  const paths: string[] = [];
  for (const entry of await reader.getEntries()) {
    if (entry.directory) continue;
    paths.push(entry.filename);
    mkdirSync(dirname(join(folder, entry.filename)), { recursive: true });
    writeFileSync(join(folder, entry.filename), await entry.getData(new Uint8ArrayWriter()));
  }
  await reader.close();
  expect(nativeFilesIn(bundleOf(name))).toEqual({
    'lib/dist/win32-x64/d3dcompiler_47.dll': name,
    'lib/dist/win32-x64/dawn.node': name,
    'lib/dist/win32-x64/dxcompiler.dll': name,
    'lib/node.exe': name,
  });
  const isLegal = (part: string) =>
    /^[^<>:"|?*\\\p{Cc}]*[^<>:"|?*\\\p{Cc}. ]$/u.test(part) &&
    !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part);
  expect(paths.filter((path) => !path.split('/').every(isLegal))).toEqual([]);
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
  expect(paths.filter((path) => !path.startsWith('organseg-win32-x64/'))).toEqual([]);
  expect(paths).toContain('organseg-win32-x64/organseg.cmd');
});

/** For Debian and its like; as root. */
const HOW_TO_EMULATE =
  'qemu is missing: dpkg --add-architecture arm64; apt-get update; ' +
  'apt-get install qemu-user libc6:arm64 libstdc++6:arm64';

describe('on Linux on Arm, by qemu', () => {
  let emulated: string;
  let anew: string;

  beforeAll(() => {
    const qemu = ['qemu-aarch64', 'qemu-aarch64-static'].find(
      (each) => spawnSync(each, ['--version']).status === 0,
    );
    if (!qemu) throw new Error(HOW_TO_EMULATE);
    emulated = join(folder, 'node-by-qemu');
    writeFileSync(emulated, `#!/bin/sh\nexec ${qemu} ${bundleOf('linux-arm64')}/lib/node "$@"\n`);
    chmodSync(emulated, 0o755);
    // Commands that start Node anew are to start it by qemu too.
    anew = join(folder, 'anew.mjs');
    writeFileSync(anew, `process.execPath = ${JSON.stringify(emulated)};\n`);
  });

  /** A command of the bundle, in its own folder: its exit code and what it printed. */
  function run(name: PlatformName, ...args: string[]) {
    const cwd = join(folder, `work-${name}`);
    mkdirSync(cwd, { recursive: true });
    const isEmulated = name === 'linux-arm64';
    const { INIT_CWD: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(
      isEmulated ? emulated : join(bundleOf(name), 'lib/node'),
      [join(bundleOf(name), 'lib/organseg.mjs'), ...args],
      { cwd, encoding: 'utf8', env: isEmulated ? { ...env, NODE_OPTIONS: `--import=${anew}` } : env },
    );
    return { status, stdout, stderr };
  }

  /** What a command prints on Arm and here, which must be the same. */
  function runBoth(...args: string[]): string {
    const [there, here] = (['linux-arm64', 'linux-x64'] as const).map((name) => run(name, ...args));
    expect(there!.status, there!.stderr).toBe(0);
    expect(there!.stdout).toBe(here!.stdout);
    return there!.stdout;
  }

  test('lists its commands, and the benches', () => {
    expect(runBoth('--help')).toContain('pseudo-label');
    expect(runBoth('bench', '--help')).toContain('kernels');
  });

  test('loads Dawn, and tells that there is no adapter, or which', () => {
    const { status, stdout } = run('linux-arm64', 'doctor', '--json');
    const { works, problem, adapter, host } = JSON.parse(stdout);
    expect(host.platform).toBe('linux');
    if (adapter) expect(adapter.driver).toEqual(expect.any(String));
    else expect(problem).toBe('Dawn finds no WebGPU adapter');
    expect(status).toBe(works ? 0 : 1);
  });

  test('makes the phantoms, reads the scan and gives the scores that are made, read and given here', () => {
    runBoth(
      'phantom',
      '--out',
      'data',
      '--labelled',
      '2',
      '--unlabelled',
      '0',
      '--test',
      '0',
      '--spacing',
      '10',
    );
    const files = globSync('work-linux-arm64/data/*/*.nii.gz', { cwd: folder }).sort();
    expect(files).toHaveLength(4);
    for (const file of files) {
      const [there, here] = [file, file.replace('arm64', 'x64')].map((each) =>
        gunzipSync(readFileSync(join(folder, each))),
      );
      expect(there!.equals(here!), file).toBe(true);
    }
    const [image, , labels, others] = files.map((file) => file.replace('work-linux-arm64/', ''));
    expect(runBoth('info', image!)).toContain('RAI');
    runBoth('evaluate', '--prediction', others!, '--reference', labels!, '--json');
  });
});
