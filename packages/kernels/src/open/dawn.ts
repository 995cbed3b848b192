/** Opening the GPU through Dawn, in Node. The only file that imports `webgpu`. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, globals } from 'webgpu';
import { type AdapterFacts, Gpu, type GpuOptions, type Host } from '../device.ts';
import { adapterFacts, requestDevice } from './adapter.ts';
import { askQuietly } from './dawnEvents.ts';

export interface OpenOptions extends GpuOptions {
  /** Part of an adapter's name, where a host has several. */
  adapter?: string;
  /** `null`: checks shaders and calls as a device with every feature would, and computes nothing. For tests. */
  backend?: 'null';
}

/** An adapter, and Dawn's instance that it belongs to and that must outlive it. */
interface FoundAdapter {
  readonly dawn: unknown;
  readonly adapter: GPUAdapter;
  readonly facts: AdapterFacts;
}

/** The adapter that `openGpu` would use, or undefined where there is none. Throws if `adapter` names none. */
export async function findAdapter(options: OpenOptions = {}): Promise<FoundAdapter | undefined> {
  quietLoader();
  Object.assign(globalThis, globals);
  askQuietly();
  const flags = [
    // NVIDIA's f16 hides behind the first two. The last: kernels keep within their tensors by themselves.
    'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia,disable_robustness',
    // Timestamps are otherwise rounded to 65 µs.
    'disable-dawn-features=timestamp_quantization',
  ];
  if (options.backend) flags.push(`backend=${options.backend}`);
  if (options.adapter) flags.push(`adapter=${options.adapter}`);
  const dawn = create(flags);
  const adapter = await withoutLimitWarnings(() =>
    dawn.requestAdapter({ powerPreference: 'high-performance' }),
  );
  if (!adapter) return undefined;
  return { dawn, adapter, facts: adapterFacts(adapter) };
}

/** The Vulkan loader of Linux warns on stderr where this is unset. */
function quietLoader(): void {
  if (process.platform === 'linux') process.env.XDG_RUNTIME_DIR ??= '/tmp';
}

const STDERR = 2;

/** A line that Dawn prints, whoever asks, of drivers whose limits are higher than its own. */
const LIMIT_WARNING = /^Warning: maxDynamic\w+ artificially reduced from .*\n/gm;

/**
 * Runs synchronous work of Dawn, whose warnings on limits go nowhere. Dawn has no switch for them: the process's
 * standard error is a file meanwhile, and what else stands in it is printed afterwards. On Windows they are seen: the C
 * library of Node and that of Dawn number their files each by itself.
 */
async function withoutLimitWarnings<T>(work: () => T): Promise<Awaited<T>> {
  const restore = process.platform === 'win32' ? undefined : await catchStderr();
  let answer: T;
  try {
    answer = work();
  } finally {
    restore?.();
  }
  return await answer;
}

/** Has standard error go to a file, where one can be made; returns what undoes it. */
async function catchStderr(): Promise<(() => void) | undefined> {
  let folder: string;
  try {
    folder = mkdtempSync(join(tmpdir(), 'organseg-stderr-'));
  } catch {
    return undefined; // the warnings are seen then
  }
  const { default: koffi } = await import('koffi'); // absent from what is packed for Windows
  const c = koffi.load(null);
  const dup = c.func('int dup(int)');
  const dup2 = c.func('int dup2(int, int)');
  const path = join(folder, 'stderr');
  const file = openSync(path, 'w');
  const stderr: number = dup(STDERR);
  dup2(file, STDERR);
  return () => {
    dup2(stderr, STDERR);
    closeSync(stderr);
    closeSync(file);
    process.stderr.write(readFileSync(path, 'utf8').replaceAll(LIMIT_WARNING, ''));
    rmSync(folder, { recursive: true });
  };
}

/** Opens the GPU. Throws with the way out when there is none. */
export async function openGpu(options: OpenOptions = {}): Promise<Gpu> {
  const found = await findAdapter(options);
  if (!found) {
    throw new Error('no WebGPU adapter found: `pnpm cli doctor` tells what to install');
  }
  return new Gpu(
    await requestDevice(found.adapter, found.facts),
    found.facts,
    options,
    new DawnHost(found.dawn),
  );
}

/** Keeps Dawn alive until the device is closed. */
class DawnHost implements Host {
  protected dawn: unknown;

  constructor(dawn: unknown) {
    this.dawn = dawn;
  }

  collectGarbage(): void {
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
  }

  release(): void {
    // Dropped in the turn that resolved one of its promises, Dawn crashes the process at exit.
    setImmediate(() => {
      this.dawn = undefined;
    });
  }
}

/** The names of all adapters: Dawn lists them when it is asked for one that is not there. */
export async function listAdapters(): Promise<string[]> {
  quietLoader();
  try {
    await withoutLimitWarnings(() => create(['adapter=no such adapter']).requestAdapter());
    return [];
  } catch (error) {
    return Array.from(String(error).matchAll(/name: '(.*)'/g), ([, name]) => name as string);
  }
}
