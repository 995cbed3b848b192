/** The host, as far as it decides which Vulkan driver it can have and how it gets one. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { release, version } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TextFile } from './aptSources.ts';

export interface Host {
  readonly platform: NodeJS.Platform;
  /** Name of the system, as a person calls it. */
  readonly system: string;
  /** ID and VERSION_CODENAME of os-release(5). */
  readonly distribution: string;
  readonly codename: string;
  readonly packageManager: 'apt' | 'dnf' | undefined;
  readonly aptSources: readonly TextFile[];
  readonly isRoot: boolean;
  readonly hasSudo: boolean;
  /** Whether the loader (libvulkan.so.1) is there, through which Dawn reaches every driver. */
  readonly hasVulkanLoader: boolean;
  /** The JSON files by which the loader finds drivers. */
  readonly vulkanDrivers: readonly string[];
  /** The version of NVIDIA's kernel driver. */
  readonly nvidiaDriver: string | null;
}

export function inspectHost(): Host {
  const linux = osRelease();
  return {
    platform: process.platform,
    system: linux.PRETTY_NAME ?? systemName(),
    distribution: linux.ID ?? '',
    codename: linux.VERSION_CODENAME ?? '',
    packageManager: onPath('apt-get') ? 'apt' : onPath('dnf') ? 'dnf' : undefined,
    aptSources: files('/etc/apt/sources.list', '/etc/apt/sources.list.d/*.{list,sources}'),
    isRoot: process.getuid?.() === 0,
    hasSudo: onPath('sudo'),
    hasVulkanLoader: /libvulkan\.so\.1\b/.test(output('/sbin/ldconfig', '-p')),
    vulkanDrivers: vulkanDrivers(),
    nvidiaDriver: nvidiaDriver(),
  };
}

/** Whether sudo grants this user commands without asking. */
export const maySudo = (): boolean => output('sudo', '-n', 'sh', '-c', 'echo yes') === 'yes\n';

/** The name of a system that has no os-release(5): `macOS 26.1`, `Windows 11 Pro 10.0.26100`. */
function systemName(): string {
  if (process.platform === 'darwin') return `macOS ${output('sw_vers', '-productVersion')}`.trim();
  return process.platform === 'win32' ? `${version()} ${release()}` : process.platform;
}

function osRelease(): Partial<Record<string, string>> {
  const text = readIfThere('/etc/os-release');
  return Object.fromEntries(
    Array.from(text.matchAll(/^(\w+)=["']?(.*?)["']?$/gm), ([, name, value]) => [name, value]),
  );
}

function vulkanDrivers(): string[] {
  // Either variable replaces the folders.
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const named = VK_DRIVER_FILES ?? VK_ICD_FILENAMES;
  if (named) return named.split(delimiter).filter((path) => existsSync(path));
  return glob('{/etc,/usr/local/etc,/usr/local/share,/usr/share}/vulkan/icd.d/*.json').sort();
}

function nvidiaDriver(): string | null {
  const module = readIfThere('/proc/driver/nvidia/version').match(/Kernel Module.*?\s(\d+\.[\d.]+)/);
  if (module) return module[1]!;
  const queried = output('nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader');
  return queried.match(/^[\d.]+/)?.[0] ?? null;
}

/** Paths of Linux that match; none elsewhere. */
const glob = (...patterns: string[]): string[] => (process.platform === 'linux' ? globSync(patterns) : []);

const files = (...patterns: string[]): TextFile[] =>
  glob(...patterns)
    .sort()
    .map((path) => ({ path, text: readIfThere(path) }));

const onPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What a program prints; '' where there is no such program or it fails. */
function output(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
