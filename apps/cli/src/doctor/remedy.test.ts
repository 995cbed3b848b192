/** Remedies for machines of all kinds. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Diagnosis } from './diagnose.ts';
import type { Host } from './host.ts';
import { installCommands, nvidiaProblem, undoCommands } from './remedy.ts';

const bookworm: Host = {
  platform: 'linux',
  system: 'Debian GNU/Linux 12 (bookworm)',
  distribution: 'debian',
  codename: 'bookworm',
  packageManager: 'apt',
  aptSources: [{ path: '/etc/apt/sources.list', text: 'deb http://mirror.example/debian bookworm main\n' }],
  isRoot: false,
  hasSudo: true,
  hasVulkanLoader: true,
  vulkanDrivers: [],
  nvidiaDriver: null,
};
const APT = 'apt-get install --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=120 libvulkan1';

it("takes Debian 12's driver from backports", () => {
  const file = '/etc/apt/sources.list.d/organseg-backports.list';
  expect(installCommands(bookworm, 'sudo ')).toEqual([
    `printf '%s\\n' 'deb http://mirror.example/debian bookworm-backports main' | sudo tee ${file} > /dev/null`,
    'sudo apt-get update',
    `sudo ${APT} mesa-vulkan-drivers/bookworm-backports`,
  ]);
  expect(undoCommands(bookworm, '')).toEqual([`rm --force ${file}`]);
});

it('writes an entry that a shell takes as it is', () => {
  const text = "Types: deb\nURIs: http://mirror.example/it's $HOME\nSuites: bookworm\nComponents: main\n";
  const aptSources = [{ path: '/etc/apt/sources.list.d/debian.sources', text }];
  const [command] = installCommands({ ...bookworm, aptSources }, '');
  expect(execFileSync('sh', ['-c', command!.replace(/\|.*/, '')], { encoding: 'utf8' })).toBe(
    "Types: deb\nSuites: bookworm-backports\nURIs: http://mirror.example/it's $HOME\nComponents: main\n",
  );
});

it("takes other systems' own packages", () => {
  expect(installCommands({ ...bookworm, codename: 'trixie' }, '')).toEqual([
    'apt-get update',
    `${APT} mesa-vulkan-drivers`,
  ]);
  expect(undoCommands({ ...bookworm, codename: 'trixie' }, '')).toEqual([]);
  expect(installCommands({ ...bookworm, packageManager: 'dnf' }, 'sudo ')).toEqual([
    'sudo dnf install --assumeyes vulkan-loader mesa-vulkan-drivers',
  ]);
  expect(installCommands({ ...bookworm, packageManager: undefined }, '').join('\n')).toMatch(
    /apt-get .*# Debian, Ubuntu\ndnf .*# Fedora/,
  );
});

it('tells of an NVIDIA GPU that Windows keeps from Direct3D', () => {
  const problem = nvidiaProblem(withNvidia({ platform: 'win32' }, ['Microsoft Basic Render Driver']));
  expect(problem).toMatch(/no Direct3D adapter.*nvidia-smi -dm 0/);
  expect(nvidiaProblem(withNvidia({ platform: 'win32' }, ['NVIDIA RTX A2000']))).toBeUndefined();
});

const withNvidia = (host: Partial<Host>, adapters: string[] = ['llvmpipe']): Diagnosis => ({
  works: true,
  adapters,
  driverMessages: [],
  host: { ...bookworm, nvidiaDriver: '550.120', ...host },
});

it('finds what keeps an NVIDIA GPU from being an adapter', () => {
  expect(nvidiaProblem(withNvidia({ hasVulkanLoader: false }))).toMatch(/libvulkan1/);
  expect(nvidiaProblem(withNvidia({ vulkanDrivers: ['/usr/share/vulkan/icd.d/lvp_icd.json'] }))).toMatch(
    /nvidia_icd\.json is missing.*libnvidia-gl-550/,
  );
  expect(nvidiaProblem(withNvidia({ vulkanDrivers: ['/etc/vulkan/icd.d/nvidia_icd.json'] }))).toMatch(
    /finds \/etc\/vulkan\/icd\.d\/nvidia_icd\.json/,
  );
});

it('has nothing to say where NVIDIA is absent or works', () => {
  expect(nvidiaProblem(withNvidia({ nvidiaDriver: null }))).toBeUndefined();
  expect(nvidiaProblem(withNvidia({}, ['NVIDIA H200']))).toBeUndefined();
});
