/** What `doctor` tells, from diagnoses of all kinds. */
import { expect, it, vi } from 'vitest';
import type { Diagnosis } from '../doctor/diagnose.ts';
import type { Host } from '../doctor/host.ts';
import { asText, doctor, examine } from './doctor.ts';

async function run(...options: string[]): Promise<string> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await doctor.parseAsync(options, { from: 'user' });
    return stdout.mock.calls.join('');
  } finally {
    stdout.mockRestore();
  }
}

it('runs a kernel here and tells everything as one JSON object', async () => {
  const report = JSON.parse(await run('--json'));
  expect(report).toMatchObject({
    works: true,
    adapter: { name: expect.any(String), driver: expect.any(String), software: expect.any(Boolean) },
    kernels: {
      weights: report.adapter.software ? 'uniform' : 'storage',
      errors: { f32: expect.any(Number) },
    },
    node: process.versions.node,
    install: [],
  });
  expect(report.adapters.length).toBeGreaterThan(0);
  expect(report.adapter.features).toContain('core-features-and-limits');
  expect(report.adapter.limits.maxStorageBufferBindingSize).toBe(report.kernels.maxBindingBytes);
  expect(report.driverMessages.join()).not.toContain('artificially reduced');
});

it('tells a person what the adapter has', async () => {
  const text = await run();
  for (const name of [
    'driver',
    'shader-f16',
    'timestamp-query',
    'subgroups',
    'subgroup matrices',
    'kernels',
  ]) {
    expect(text).toMatch(new RegExp(`^${name} `, 'm'));
  }
  expect(text).toContain('The kernels run');
});

const host: Host = {
  platform: 'linux',
  system: 'Ubuntu 24.04',
  distribution: 'ubuntu',
  codename: 'noble',
  packageManager: 'apt',
  aptSources: [{ path: '/etc/apt/sources.list', text: 'deb http://user:secret@mirror/ubuntu noble main' }],
  isRoot: false,
  hasSudo: true,
  hasVulkanLoader: false,
  vulkanDrivers: [],
  nvidiaDriver: '550.120',
};
const noAdapter: Diagnosis = {
  works: false,
  problem: 'Dawn finds no WebGPU adapter',
  adapters: [],
  driverMessages: ["Warning: Couldn't load Vulkan: libvulkan.so.1"],
  host,
};

it('tells what to install where there is no adapter', () => {
  const text = asText(examine(noAdapter));
  expect(text).toContain('Dawn finds no WebGPU adapter.\nWarning: Couldn');
  expect(text).toMatch(/NVIDIA driver 550\.120 is here.*loader is missing/);
  expect(text).toMatch(
    /\n {2}sudo apt-get update\n {2}sudo apt-get install .*libvulkan1 mesa-vulkan-drivers$/,
  );
});

it('keeps the text of apt sources to itself', () => {
  expect(JSON.stringify(examine(noAdapter))).not.toContain('secret');
});

it.each([
  ['darwin', 'macOS 26.1', 'System Settings > General > Software Update'],
  ['win32', 'Windows 11 Pro 10.0.26100', 'Settings > Windows Update'],
] as const)('says on %s, without packages, where its driver comes from', (platform, system, place) => {
  const report = examine({ ...noAdapter, host: { ...host, platform, system, nvidiaDriver: null } });
  const text = asText(report);
  expect(report.install).toEqual([]);
  expect(text).toMatch(/^system +(macOS 26|Windows 11)/);
  expect(text).toContain(place);
  expect(text).not.toMatch(/apt-get|Vulkan adapter/);
});

it('names the adapter and the driver of a Mac', () => {
  const adapter = {
    name: 'Apple M3 Pro',
    vendor: 'apple',
    driver: 'Metal driver on macOS Version 26.1 (Build 25B78)',
    software: false,
    features: ['shader-f16'],
    limits: {},
    subgroupSize: 32,
    subgroupMatrices: [],
  };
  const text = asText(
    examine({
      works: true,
      adapters: ['Apple M3 Pro'],
      adapter,
      kernels: {
        weights: 'storage',
        f16: true,
        timestamps: true,
        maxBindingBytes: 2 ** 32,
        errors: { f32: 0 },
      },
      driverMessages: [],
      host: { ...host, platform: 'darwin', system: 'macOS 26.1', nvidiaDriver: null },
    }),
  );
  expect(text).toMatch(/^adapter +Apple M3 Pro, hardware$/m);
  expect(text).toMatch(/^driver +Metal driver on macOS Version 26\.1/m);
  expect(text).toMatch(/The kernels run\.$/);
});
