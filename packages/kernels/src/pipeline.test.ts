/** Compiling ahead, and dropping launches. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Gpu } from './device.ts';
import { compile, discard, f32, type Launch, prepare, submit } from './kernel.ts';
import { openGpu } from './open/dawn.ts';
import { downloadF32, type Tensor, zeros } from './tensor.ts';

let gpu: Gpu;
let y: Tensor;
beforeEach(async () => {
  gpu = await openGpu();
  y = zeros(gpu, [64]);
});
afterEach(() => gpu.close());

const add = (value: string, workgroupSize = 64): Launch =>
  prepare(gpu, {
    name: 'add',
    read: {},
    write: { y },
    params: { shift: f32(0) },
    code: `@compute @workgroup_size(${workgroupSize}) fn main(id: Id) { y[invocation(id)] += ${value} + p.shift; }`,
    invocations: 64,
  });

/** Counts the pipelines that are compiled at once. */
function countCompiledAtOnce() {
  const { device } = gpu;
  const create = device.createComputePipeline.bind(device);
  let count = 0;
  device.createComputePipeline = (descriptor) => {
    count++;
    return create(descriptor);
  };
  return () => count;
}

test('what was compiled ahead runs without waiting for the compiler', async () => {
  const count = countCompiledAtOnce();
  const launches = [add('1.0'), add('2.0'), add('2.0')];
  compile(launches);
  await gpu.pipelines.ready();
  submit(gpu, launches);
  expect((await downloadF32(gpu, y))[7]).toBe(5);
  expect([count(), gpu.pipelines.size]).toEqual([0, 2]);
  discard(gpu, launches);
});

test('what was not is compiled when it is submitted, once', async () => {
  const count = countCompiledAtOnce();
  const launches = [add('1.0'), add('2.0')];
  compile(launches.slice(1));
  submit(gpu, launches);
  submit(gpu, launches);
  expect((await downloadF32(gpu, y))[7]).toBe(6);
  await gpu.pipelines.ready();
  expect(count()).toBe(2);
  discard(gpu, launches);
});

test.each([
  ['in its text', 'nothing', 64, /nothing/],
  ['that the driver finds', '1.0', 4096, /workgroup_size\(4096, 1, 1\) that exceeds/],
])('a fault %s is told by check, though it was compiled ahead', async (_, value, workgroupSize, fault) => {
  const launches = [add(value, workgroupSize)];
  const told = (async () => {
    compile(launches);
    await gpu.pipelines.ready();
    gpu.check();
    submit(gpu, launches);
    await gpu.finish();
  })();
  await expect(told).rejects.toThrow(fault);
});

test('who no longer wants it waits no longer for the compiler, and can wait again', async () => {
  const launches = Array.from({ length: 20 }, (_, i) => add(`${i}.0`));
  compile(launches);
  const order: string[] = [];
  const compiled = gpu.pipelines.ready().then(() => order.push('compiled'));
  const stop = new AbortController();
  const waiting = gpu.pipelines.ready(stop.signal).catch((reason) => order.push(reason));
  stop.abort('unwanted');
  await expect(gpu.pipelines.ready(stop.signal)).rejects.toBe('unwanted');
  await Promise.all([waiting, compiled]);
  expect(order).toEqual(['unwanted', 'compiled']);
  submit(gpu, launches);
  expect((await downloadF32(gpu, y))[7]).toBe(190);
  discard(gpu, launches);
});

test('ends where the device is closed meanwhile', async () => {
  const launches = Array.from({ length: 20 }, (_, i) => add(`${i}.0`));
  compile(launches);
  gpu.close();
  compile([add('20.0')]);
  await gpu.pipelines.ready();
  submit(gpu, launches);
  gpu.check();
});

test('the bind groups of dropped launches do not pile up', async () => {
  const early: WeakRef<GPUBindGroup>[] = [];
  for (let round = 0; round < 10; round++) {
    const launches = Array.from({ length: 500 }, () => add('1.0'));
    early.push(...launches.slice(0, round < 5 ? 1 : 0).map(({ bindGroup }) => new WeakRef(bindGroup)));
    discard(gpu, launches);
    await gpu.finish(); // what a turn of the event loop looks at lives as long as it
  }
  expect(early.filter((ref) => ref.deref())).toHaveLength(0);
});
