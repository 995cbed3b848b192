/** The files of a bundle that are a platform's own: Node, Dawn's binding with its libraries, and koffi's binding. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Platform } from './platforms.ts';

/**
 * Installs into a folder, by the repository's lockfile and so with its checksums, what the native files of a platform
 * come from. Throws what pnpm said where it fails.
 */
export function installFor({ os, cpu }: Platform, root: string, folder: string): void {
  const described = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', '.pnpmfile.cjs'];
  for (const file of [...described, ...globSync('{packages,apps}/*/package.json', { cwd: root })]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(root, file), join(folder, file));
  }
  const only = ['--prod', '--ignore-scripts', '--filter', 'organseg', '--filter', '@organseg/kernels'];
  const install = ['install', '--frozen-lockfile', '--os', os, '--cpu', cpu, ...only];
  const { status, stdout, stderr, error } = spawnSync('pnpm', install, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`pnpm ${install.join(' ')}: ${error?.message ?? (stderr || stdout)}`);
}

/** Copies the native files into a bundle's `lib`, from where the packages are installed for the platform. */
export function copyNatives(
  { os, cpu, node, dawn, usesKoffi }: Platform,
  installed: string,
  lib: string,
): void {
  const packageOf = (name: string, from: string) =>
    dirname(createRequire(join(from, 'package.json')).resolve(`${name}/package.json`));
  const program = os === 'win32' ? 'node.exe' : 'node';
  copyFileSync(join(packageOf(node, installed), 'bin', program), join(lib, program));

  // Where Dawn's package looks for its binding, seen from the bundled code.
  const bindings = join('dist', dawn);
  const kernels = join(installed, 'packages/kernels');
  const webgpu = dirname(createRequire(join(kernels, 'package.json')).resolve('webgpu'));
  cpSync(join(webgpu, bindings), join(lib, bindings), { recursive: true, dereference: true });
  if (os === 'darwin') {
    const binding = join(lib, bindings, 'dawn.node');
    writeFileSync(binding, sliceOf(readFileSync(binding), cpu));
  }

  if (!usesKoffi) return;
  const name = `@koromix/koffi-${os}-${cpu}`;
  const koffi = dirname(
    createRequire(createRequire(join(kernels, 'package.json')).resolve('koffi')).resolve(name),
  );
  // The bundled code asks for the package by its name. It also holds a binding for musl, which Node's is not.
  for (const file of ['package.json', 'index.js', `${os}_${cpu}/koffi.node`])
    cpSync(join(koffi, file), join(lib, 'node_modules', name, file), { recursive: true });
}

/** Apple's numbers of processors, as its universal binaries have them. */
const CPU_TYPES: Partial<Record<NodeJS.Architecture, number>> = { x64: 0x0100_0007, arm64: 0x0100_000c };

/** The part of Apple's universal binary that is one processor's; its signature lies in it. Throws where there is none. */
export function sliceOf(binary: Buffer, cpu: NodeJS.Architecture): Buffer {
  const parts = binary.readUInt32BE(0) === 0xcafe_babe ? binary.readUInt32BE(4) : 0;
  for (let i = 0; i < parts; i++) {
    const [type, , offset, bytes] = [0, 4, 8, 12].map((at) => binary.readUInt32BE(8 + 20 * i + at));
    if (type === CPU_TYPES[cpu]) return binary.subarray(offset, offset! + bytes!);
  }
  throw new Error(`Dawn's binding for macOS holds nothing for ${cpu}`);
}
