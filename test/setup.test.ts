/** The set-up with stand-ins for pnpm, npm and npx: what it calls, and what its exit code says. */
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'organseg-setup-'));
  await write('package.json', JSON.stringify({ packageManager: 'pnpm@12.3.4' }));
  await write('pnpm-lock.yaml', 'lock');
  await mkdir(join(root, 'scripts'));
  await copyFile('scripts/setup.mjs', join(root, 'scripts/setup.mjs'));
});
afterEach(() => rm(root, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

/** A program that notes how it was called and goes on as `body` says. */
async function program(path: string, body: string): Promise<void> {
  await write(path, `#!/bin/sh\necho "\${0##*/} $*" >> ${root}/calls\n${body}\n`);
  await chmod(join(root, path), 0o755);
}

/** Packages that are there: the lockfile as installed, and a Node whose adapter check ends with `adapter`. */
async function installed(adapter = 0): Promise<void> {
  await write('node_modules/.pnpm/lock.yaml', 'lock');
  await program('node_modules/.bin/node', `exit ${adapter}`);
}

async function setUp(...args: string[]) {
  // Nothing of this machine's: its own pnpm is not what is tried.
  const PATH = join(root, 'bin');
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/setup.mjs'), ...args], {
    encoding: 'utf8',
    env: { PATH },
  });
  const calls = await readFile(join(root, 'calls'), 'utf8').catch(() => '');
  return { status, stderr, calls: calls.trim().split('\n') };
}

const PNPM = 'if [ "$1" = --version ]; then echo 12.9.9; fi';
const INSTALL = 'install --frozen-lockfile --config.confirm-modules-purge=false';

test('runs the script, with its arguments and exit code, in silence where everything is there', async () => {
  await installed();
  await program('bin/pnpm', `${PNPM}; if [ "$1" = run ]; then exit 7; fi`);
  expect(await setUp('demo', '--fast')).toEqual({
    status: 7,
    stderr: '',
    calls: ['pnpm --version', 'node scripts/vulkan.ts', 'pnpm run demo --fast'],
  });
});

test('sees to a browser before the tests, and runs them without one all the same', async () => {
  await installed();
  await program('node_modules/.bin/node', 'case "$1" in *chromium*) exit 1;; esac');
  await program('bin/pnpm', PNPM);
  const { status, calls } = await setUp('test:all');
  expect(status).toBe(0);
  expect(calls.slice(-2)).toEqual(['node scripts/chromium.ts', 'pnpm run test:all']);
});

test('installs packages when the lockfile is not the one installed', async () => {
  await installed();
  await write('node_modules/.pnpm/lock.yaml', 'older');
  await program('bin/pnpm', PNPM);
  const { status, stderr, calls } = await setUp();
  expect(status).toBe(0);
  expect(stderr).toMatch(
    /^setup: installing packages: about 250 MB, .*\nsetup: installing packages: took \d+ s\n$/,
  );
  expect(calls).toEqual(['pnpm --version', `pnpm ${INSTALL}`, 'node scripts/vulkan.ts']);
});

test('shows what pnpm said when it cannot install', async () => {
  await program('bin/pnpm', `${PNPM}; if [ "$1" = install ]; then echo no such registry >&2; exit 1; fi`);
  const { status, stderr, calls } = await setUp('demo');
  expect(status).toBe(1);
  expect(stderr).toContain('installing packages failed:\nno such registry');
  expect(calls.at(-1)).toBe(`pnpm ${INSTALL}`);
});

test('puts the pinned pnpm on the PATH where npm may', async () => {
  await installed();
  await mkdir(join(root, 'lib'));
  await program(
    'bin/npm',
    `echo ${root}; if [ "$1" = install ]; then /bin/cp ${root}/pnpm ${root}/bin/pnpm; fi`,
  );
  await program('pnpm', PNPM);
  const { calls } = await setUp('demo');
  expect(calls).toContain('npm install --global --allow-scripts=pnpm pnpm@12.3.4');
  expect(calls.at(-1)).toBe('pnpm run demo');
});

test('leaves an older pnpm alone and goes through npx', async () => {
  await installed();
  await program('bin/pnpm', 'echo 9.0.0');
  await program('bin/npx', '');
  const { stderr, calls } = await setUp('demo');
  expect(stderr).toContain('type `npx pnpm@12.3.4 …`');
  expect(calls).toEqual(['pnpm --version', 'node scripts/vulkan.ts', 'npx --yes pnpm@12.3.4 run demo']);
});

test('stops where the kernels have no adapter', async () => {
  await installed(1);
  await program('bin/pnpm', PNPM);
  const { status, calls } = await setUp('demo');
  expect(status).toBe(1);
  expect(calls.at(-1)).toBe('node scripts/vulkan.ts');
});
