/**
 * `pnpm bundle [--for PLATFORM] [--out FILE]`: one archive for a platform, made on Linux, that runs where neither Node
 * nor a registry is.
 *   organseg-PLATFORM/organseg    runs the commands, and `bench`; on Windows organseg.cmd
 *   organseg-PLATFORM/lib         Node, Dawn's and koffi's bindings, the commands, the benches, doctor's and the tuner's
 *                                 probe and the threads that cut patches, read and prepare cases, a file each
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'rolldown';
import { pack } from './bundle/archive.ts';
import { copyNatives, installFor } from './bundle/natives.ts';
import { PLATFORMS, type Platform, type PlatformName } from './bundle/platforms.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = {
  cli: 'apps/cli/src/main.ts',
  bench: 'scripts/bench.ts',
  probe: 'apps/cli/src/doctor/probe.ts',
  tuneProbe: 'apps/cli/src/tune/probe.ts',
  patchWorker: 'packages/train/src/data/patchWorker.ts',
  recordWorker: 'packages/train/src/plan/recordWorker.ts',
  prepareWorker: 'apps/cli/src/preprocess/prepareWorker.ts',
  phantomWorker: 'apps/cli/src/phantom/phantomWorker.ts',
};

// Nothing but the shell itself: there may be no PATH.
const LAUNCHER = `#!/bin/sh
case $0 in */*) here=\${0%/*} ;; *) here=. ;; esac
exec "$here/lib/node" "$here/lib/organseg.mjs" "$@"
`;
const WINDOWS_LAUNCHER = '@"%~dp0lib\\node.exe" "%~dp0lib\\organseg.mjs" %*\r\n';

/** What both launchers run: the commands, or with `bench` first the benches, which start themselves anew by argv[1]. */
const MAIN = `import { fileURLToPath } from 'node:url';
const program = process.argv[2] === 'bench' ? 'bench' : 'cli';
if (program === 'bench') process.argv.splice(1, 2, fileURLToPath(new URL('bench.mjs', import.meta.url)));
await import(\`./\${program}.mjs\`);
`;

/** Writes the files of the bundle into a folder; the native ones from where packages are installed for the platform. */
async function assemble(platform: Platform, installed: string, folder: string): Promise<void> {
  const lib = join(folder, 'lib');
  mkdirSync(lib, { recursive: true });
  for (const [name, input] of Object.entries(PROGRAMS)) {
    await build({
      input: join(ROOT, input),
      platform: 'node',
      logLevel: 'warn',
      // Decoders of DICOM that Emscripten built ask for it.
      transform: { define: { __dirname: 'import.meta.dirname' } },
      output: { file: join(lib, `${name}.mjs`), format: 'esm', codeSplitting: false, minify: false },
    });
  }
  copyNatives(platform, installed, lib);
  writeFileSync(join(lib, 'organseg.mjs'), MAIN);
  for (const peer of ['pytorch_unet.py', 'pytorch_predict.py', 'pytorch_nnunet.py'])
    copyFileSync(join(ROOT, 'apps/cli/bench/peers', peer), join(lib, peer));
  if (platform.os === 'win32') writeFileSync(join(folder, 'organseg.cmd'), WINDOWS_LAUNCHER);
  else {
    writeFileSync(join(folder, 'organseg'), LAUNCHER);
    chmodSync(join(folder, 'organseg'), 0o755);
  }
  for (const path of ['LICENSE', 'README.md', 'docs', 'experiments', 'models']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
}

async function main(): Promise<void> {
  const here = `${process.platform}-${process.arch}`;
  const { values } = parseArgs({
    options: { for: { type: 'string', default: here }, out: { type: 'string' } },
  });
  const asked = values.for;
  if (!Object.hasOwn(PLATFORMS, asked))
    throw new Error(`--for ${asked}: expected one of ${Object.keys(PLATFORMS).join(', ')}`);
  if (process.platform !== 'linux') throw new Error(`bundles are made on Linux, this is ${process.platform}`);
  const platform = PLATFORMS[asked as PlatformName];
  const name = `organseg-${asked}`;
  const out = resolve(process.env.INIT_CWD ?? '.', values.out ?? `${name}.${platform.archive}`);
  if (!existsSync(dirname(out))) throw new Error(`--out ${out}: there is no folder ${dirname(out)}`);
  const parent = mkdtempSync(join(tmpdir(), 'organseg-bundle-'));
  try {
    const installed = asked === here ? ROOT : join(parent, 'installed');
    if (installed !== ROOT) installFor(platform, ROOT, installed);
    await assemble(platform, installed, join(parent, name));
    await pack(platform.archive, parent, name, out);
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
