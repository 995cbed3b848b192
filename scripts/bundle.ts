/**
 * `pnpm bundle [--out FILE]`: one archive for Linux on x64 that runs where neither Node nor a registry is.
 *   organseg-linux-x64/organseg    runs the commands, and `bench`
 *   organseg-linux-x64/lib         Node, Dawn's and koffi's bindings, the commands, the benches, doctor's and the tuner's probe and
 *                                  the thread that cuts patches, a file each
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'organseg-linux-x64';
/** The package that holds koffi's binary; the bundled code asks for it by its name. */
const KOFFI = '@koromix/koffi-linux-x64';
const PROGRAMS = {
  cli: 'apps/cli/src/main.ts',
  bench: 'scripts/bench.ts',
  probe: 'apps/cli/src/doctor/probe.ts',
  tuneProbe: 'apps/cli/src/tune/probe.ts',
  patchWorker: 'packages/train/src/data/patchWorker.ts',
};

// Nothing but the shell itself: there may be no PATH.
const LAUNCHER = `#!/bin/sh
case $0 in */*) here=\${0%/*} ;; *) here=. ;; esac
program=cli
if [ "$1" = bench ]; then program=bench; shift; fi
exec "$here/lib/node" "$here/lib/$program.mjs" "$@"
`;

/** Writes the files of the bundle into a folder. */
async function assemble(folder: string): Promise<void> {
  const lib = join(folder, 'lib');
  // Where Dawn's package looks for its binding, seen from the bundled code.
  const dawn = join('dist', 'linux-x64', 'dawn.node');
  mkdirSync(dirname(join(lib, dawn)), { recursive: true });
  for (const [name, input] of Object.entries(PROGRAMS)) {
    await build({
      input: join(ROOT, input),
      platform: 'node',
      logLevel: 'warn',
      output: { file: join(lib, `${name}.mjs`), format: 'esm', codeSplitting: false, minify: false },
    });
  }
  const require = createRequire(join(ROOT, 'packages/kernels/package.json'));
  copyFileSync(join(dirname(require.resolve('webgpu')), dawn), join(lib, dawn));
  const koffi = createRequire(require.resolve('koffi')).resolve(`${KOFFI}/package.json`);
  cpSync(dirname(koffi), join(lib, 'node_modules', KOFFI), { recursive: true, dereference: true });
  copyFileSync(process.execPath, join(lib, 'node'));
  for (const peer of ['pytorch_unet.py', 'pytorch_predict.py'])
    copyFileSync(join(ROOT, 'apps/cli/bench/peers', peer), join(lib, peer));
  writeFileSync(join(folder, 'organseg'), LAUNCHER);
  chmodSync(join(folder, 'organseg'), 0o755);
  for (const path of ['LICENSE', 'README.md', 'docs', 'experiments']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
}

/** Packs a folder; the archive appears whole or not at all. */
function pack(parent: string, out: string): void {
  const part = `${out}.${process.pid}.part`;
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  const { status, stderr, error } = spawnSync('tar', ['--create', '--xz', ...order, '--file', part, NAME], {
    cwd: parent,
    encoding: 'utf8',
    env: { XZ_OPT: '-6 -T0', ...process.env },
  });
  if (status !== 0) {
    rmSync(part, { force: true });
    throw new Error(`tar with xz failed: ${error?.message ?? stderr.trim()}`);
  }
  renameSync(part, out);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string', default: `${NAME}.tar.xz` } } });
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `a bundle for linux-x64 is made on linux-x64, this is ${process.platform}-${process.arch}`,
    );
  }
  const out = resolve(process.env.INIT_CWD ?? '.', values.out);
  const parent = mkdtempSync(join(tmpdir(), 'organseg-bundle-'));
  try {
    await assemble(join(parent, NAME));
    pack(parent, out);
  } finally {
    rmSync(parent, { recursive: true });
  }
  process.stdout.write(`${out}: ${(statSync(out).size / 2 ** 20).toFixed(1)} MiB\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bundle: ${(error as Error).message.split('\n')[0]}\n`);
  process.exitCode = 1;
}
