/**
 * The bundles of all platforms: what is native in them, names that Windows takes, and the commands of the one for Linux
 * on Arm, run by qemu, beside the same commands here.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { BlobReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isDevice } from '../../packages/files/src/paths.ts';
import { PLATFORMS, type PlatformName } from '../../scripts/bundle/platforms.ts';
import { nativeFilesIn } from './nativeFiles.ts';

const MOST_MIB = 56;
/** Of a NIfTI file without extensions. */
const HEADER_BYTES = 352;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-bundles-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The unpacked bundle of a platform, made when it is first asked for. */
async function bundleOf(name: PlatformName): Promise<string> {
  const bundle = join(folder, `organseg-${name}`);
  if (!existsSync(bundle)) await unpack(make(name));
  return bundle;
}

async function unpack(archive: string): Promise<void> {
  if (!archive.endsWith('.zip')) {
    expect(spawnSync('tar', ['xf', archive], { cwd: folder }).status).toBe(0);
    return;
  }
  const reader = new ZipReader(new BlobReader(new Blob([readFileSync(archive)])));
  for (const entry of await reader.getEntries()) {
    if (entry.directory) continue;
    mkdirSync(dirname(join(folder, entry.filename)), { recursive: true });
    writeFileSync(join(folder, entry.filename), await entry.getData(new Uint8ArrayWriter()));
  }
  await reader.close();
}

/** The folder in which a bundle's commands run. */
const workOf = (name: PlatformName) => join(folder, `work-${name}`);

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
  async (name) => {
    const { os, cpu, dawn } = PLATFORMS[name];
    expect(nativeFilesIn(await bundleOf(name))).toEqual({
      [`lib/dist/${dawn}/dawn.node`]: name,
      'lib/node': name,
      [`lib/node_modules/@koromix/koffi-${name}/${os}_${cpu}/koffi.node`]: name,
    });
  },
);

test('holds what is native to Windows, under names that Windows takes', async () => {
  const name = 'win32-x64';
  const bundle = await bundleOf(name);
  expect(nativeFilesIn(bundle)).toEqual({
    'lib/dist/win32-x64/d3dcompiler_47.dll': name,
    'lib/dist/win32-x64/dawn.node': name,
    'lib/dist/win32-x64/dxcompiler.dll': name,
    'lib/node.exe': name,
  });
  const paths = globSync('**', { cwd: bundle });
  const isLegal = (part: string) =>
    /^[^<>:"|?*\\\p{Cc}]*[^<>:"|?*\\\p{Cc}. ]$/u.test(part) && !isDevice(part);
  expect(paths.filter((path) => path !== '.' && !path.split('/').every(isLegal))).toEqual([]);
  expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(paths.length);
  expect(readFileSync(join(bundle, 'organseg.cmd'), 'latin1')).toMatch(/^@"%~dp0lib\\node\.exe" .*\r\n$/);
});

/** For Debian and its like; as root. */
const HOW_TO_EMULATE =
  'qemu or the libraries of arm64 are missing: dpkg --add-architecture arm64; apt-get update; ' +
  'apt-get install qemu-user libc6:arm64 libstdc++6:arm64';

describe('on Linux on Arm, by qemu', () => {
  let emulated: string;
  let anew: string;

  beforeAll(async () => {
    const qemu = ['qemu-aarch64', 'qemu-aarch64-static'].find(
      (each) => spawnSync(each, ['--version']).status === 0,
    );
    if (!qemu) throw new Error(HOW_TO_EMULATE);
    emulated = join(folder, 'node-by-qemu');
    writeFileSync(emulated, `#!/bin/sh\nexec ${qemu} ${await bundleOf('linux-arm64')}/lib/node "$@"\n`);
    chmodSync(emulated, 0o755);
    if (spawnSync(emulated, ['--version']).status !== 0) throw new Error(HOW_TO_EMULATE);
    // Commands that start Node anew are to start it by qemu too.
    anew = join(folder, 'anew.mjs');
    writeFileSync(anew, `process.execPath = ${JSON.stringify(emulated)};\n`);
  });

  /** A command of the bundle, in its own folder: its exit code and what it printed. */
  async function run(name: PlatformName, ...args: string[]) {
    const lib = join(await bundleOf(name), 'lib');
    const cwd = workOf(name);
    mkdirSync(cwd, { recursive: true });
    const isEmulated = name === 'linux-arm64';
    const { INIT_CWD: _, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(
      isEmulated ? emulated : join(lib, 'node'),
      [join(lib, 'organseg.mjs'), ...args],
      { cwd, encoding: 'utf8', env: isEmulated ? { ...env, NODE_OPTIONS: `--import=${anew}` } : env },
    );
    return { status, stdout, stderr };
  }

  /** What a command prints on Arm and here, which must be the same. */
  async function runBoth(...args: string[]): Promise<string> {
    const there = await run('linux-arm64', ...args);
    const here = await run('linux-x64', ...args);
    expect(there.status, there.stderr).toBe(0);
    expect(there.stdout).toBe(here.stdout);
    return there.stdout;
  }

  test('lists its commands, and the benches', async () => {
    expect(await runBoth('--help')).toContain('pseudo-label');
    expect(await runBoth('bench', '--help')).toContain('kernels');
  });

  test('prints kernels and networks, and exports the model in the box, as here', async () => {
    expect(await runBoth('kernel', 'adam')).toContain('@compute');
    expect(await runBoth('model')).toContain('parameters');
    const model = join(await bundleOf('linux-x64'), 'models', 'abdomen');
    await runBoth('export', '--model', model, '--to', 'monai', 'exported');
    const names = globSync('exported/*/*', { cwd: workOf('linux-x64') }).sort();
    expect(names).toContain('exported/models/model.pt');
    for (const name of names) {
      const [theirs, ours] = (['linux-arm64', 'linux-x64'] as const).map((platform) =>
        readFileSync(join(workOf(platform), name)),
      );
      expect(theirs!.equals(ours!), name).toBe(true);
    }
  });

  test('measures a command', async () => {
    const { status, stdout } = await run('linux-arm64', 'measure', '--json', 'true');
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { exitCode: 0 }]);
  });

  test('loads Dawn, and tells that there is no adapter, or which', async () => {
    const { status, stdout } = await run('linux-arm64', 'doctor', '--json');
    const { works, problem, adapter, host } = JSON.parse(stdout);
    expect(host.platform).toBe('linux');
    if (adapter) expect(adapter.driver).toEqual(expect.any(String));
    else expect(problem).toBe('Dawn finds no WebGPU adapter');
    expect(status).toBe(works ? 0 : 1);
  });

  test('makes the phantoms, reads the scan and gives the scores that are made, read and given here', async () => {
    const only = ['--labelled', '1', '--unlabelled', '0', '--test', '0', '--spacing', '10'];
    await runBoth('phantom', '--out', 'data', ...only);
    const [image, labels] = globSync('data/{images,labels}Tr/*.nii.gz', { cwd: workOf('linux-x64') }).sort();
    const [theirs, ours] = (['linux-arm64', 'linux-x64'] as const).map((name) => {
      const [scan, truth] = [image!, labels!].map((file) =>
        gunzipSync(readFileSync(join(workOf(name), file))),
      );
      // A prediction: the truth two voxels further.
      const prediction = Buffer.from(truth!).copyWithin(HEADER_BYTES + 2, HEADER_BYTES);
      writeFileSync(join(workOf(name), 'prediction.nii.gz'), gzipSync(prediction));
      return { scan, truth };
    });
    expect(theirs!.scan!.equals(ours!.scan!)).toBe(true);
    expect(theirs!.truth!.equals(ours!.truth!)).toBe(true);
    expect(await runBoth('info', image!)).toContain('RAI');
    const scores = JSON.parse(
      await runBoth('evaluate', '--prediction', 'prediction.nii.gz', '--reference', labels!, '--json'),
    );
    expect(scores.mean.dsc).toBeGreaterThan(0);
    expect(scores.mean.dsc).toBeLessThan(1);
  });
});
