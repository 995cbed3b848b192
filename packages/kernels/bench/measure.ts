/** Timing launches, and the two rates of the adapter that bound them. */
import type { Gpu } from '../src/device.ts';
import { GpuTimer } from '../src/gpuTimer.ts';
import { compile, discard, type Launch, prepare, u32 } from '../src/kernel.ts';
import { empty, release } from '../src/tensor.ts';

const WARM_MS = 200;
const IN_A_ROW = 4;

/** Milliseconds of launches submitted as one pass: the median of repeats, after one that compiles and warms. */
export async function measure(gpu: Gpu, launches: readonly Launch[], budgetMs: number): Promise<number> {
  const timer = new GpuTimer(gpu);
  compile(launches);
  await gpu.pipelines.ready();
  try {
    await timer.warm(launches, WARM_MS);
    return await median(() => timer.time(launches), budgetMs);
  } finally {
    timer.close();
  }
}

/** The same of work that submits by itself, by the host's clock: of several in a row, as training does not wait for each. */
export const measureRun = (gpu: Gpu, work: () => void, budgetMs: number): Promise<number> =>
  median(async () => {
    const started = performance.now();
    for (let i = 0; i < IN_A_ROW; i++) work();
    await gpu.finish();
    return (performance.now() - started) / IN_A_ROW;
  }, budgetMs / IN_A_ROW);

/** Milliseconds of each of several works, timed one by one in their order, so that each sees what the one before left. */
export async function measureInTurn(
  gpu: Gpu,
  works: readonly (readonly Launch[])[],
  budgetMs: number,
): Promise<number[]> {
  const timer = new GpuTimer(gpu);
  try {
    await timer.warm(works.flat(), WARM_MS);
    const rounds: number[][] = [];
    const started = performance.now();
    while (rounds.length < 3 || (rounds.length < 50 && performance.now() - started < budgetMs)) {
      const round: number[] = [];
      for (const launches of works) round.push(launches.length ? await timer.time(launches) : 0);
      rounds.push(round);
    }
    return works.map((_, i) => middle(rounds.map((round) => round[i]!)));
  } finally {
    timer.close();
  }
}

async function median(time: () => Promise<number>, budgetMs: number): Promise<number> {
  await time();
  const repeats = Math.max(3, Math.min(50, Math.ceil(budgetMs / (await time()))));
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) times.push(await time());
  return middle(times);
}

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

export interface AdapterRates {
  /** Bytes read plus bytes written, by a kernel that copies. */
  readonly copyGbPerSecond: number;
  /** Multiply-adds from registers in f32, two operations each. */
  readonly multiplyAddGflops: number;
}

export async function adapterRates(gpu: Gpu, budgetMs: number): Promise<AdapterRates> {
  const elements = (gpu.adapter.software ? 4 : 32) * 2 ** 20;
  const [x, y] = [empty(gpu, [elements]), empty(gpu, [elements])];
  const copy = prepare(gpu, {
    name: 'copy',
    read: { x: { tensor: x, start: 0, count: elements, vec4: true } },
    write: { y: { tensor: y, start: 0, count: elements, vec4: true } },
    params: { count: u32(elements / 4) },
    code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i < p.count) { y[i] = x[i]; }
}`,
    invocations: elements / 4,
  });
  const rounds = 256;
  const invocations = gpu.adapter.software ? 2 ** 14 : 2 ** 20;
  const chains = 8;
  const range = Array.from({ length: chains }, (_, i) => i);
  const multiplyAdd = prepare(gpu, {
    name: 'multiplyAdd',
    read: {},
    write: { y },
    params: { rounds: u32(rounds) },
    code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  let k = vec4<f32>(f32(i) * 1e-9 + 0.5);
  ${range.map((c) => `var a${c} = vec4<f32>(${c});`).join(' ')}
  for (var r = 0u; r < p.rounds; r++) { ${range.map((c) => `a${c} = fma(a${c}, k, k);`).join(' ')} }
  let sum = ${range.map((c) => `a${c}`).join(' + ')};
  y[i] = sum.x + sum.y + sum.z + sum.w;
}`,
    invocations,
  });
  const copyMs = await measure(gpu, [copy], budgetMs);
  const multiplyAddMs = await measure(gpu, [multiplyAdd], budgetMs);
  discard(gpu, [copy, multiplyAdd]);
  release(gpu, x, y);
  return {
    copyGbPerSecond: (elements * 8) / copyMs / 1e6,
    multiplyAddGflops: (invocations * rounds * chains * 4 * 2) / multiplyAddMs / 1e6,
  };
}
