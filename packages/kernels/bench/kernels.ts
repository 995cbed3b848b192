/**
 * Micro-benchmarks of the kernels: `pnpm bench [--short] [--dtype f32|f16] [--json]`.
 *
 * Each row gives the time of one run and the share of what bounds it, measured on the same adapter in the same
 * run: the rate of multiply-adds from registers, or the bandwidth of a kernel that copies.
 */
import { parseArgs } from 'node:util';
import { discard } from '../src/kernel.ts';
import { openGpu } from '../src/open/dawn.ts';
import { release } from '../src/tensor.ts';
import { benchCases } from './cases.ts';
import { adapterRates, measure } from './measure.ts';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    dtype: { type: 'string', default: 'f32' },
  },
});
if (options.dtype !== 'f32' && options.dtype !== 'f16') {
  const error = new Error(`Option '--dtype' expects f32 or f16, got ${options.dtype}`);
  throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

interface Row {
  readonly op: string;
  readonly shape: string;
  readonly ms: number;
  readonly gflops?: number;
  readonly gbPerSecond?: number;
  /** Of the adapter's rate that bounds the op. */
  readonly share: number;
}

const budgetMs = options.short ? 60 : 400;
const gpu = await openGpu();
const rates = await adapterRates(gpu, budgetMs);
const rows: Row[] = [];
if (!options.json) {
  process.stdout.write(
    `${gpu.adapter.name}, ${options.dtype}; copies at ${rates.copyGbPerSecond.toFixed(1)} GB/s, ` +
      `multiply-adds at ${rates.multiplyAddGflops.toFixed(1)} Gflop/s\n\n` +
      `${line(['op', 'shape', 'ms', 'rate', '', 'share'])}\n`,
  );
}
for (const { op, shape, flops, bytes, work, tensors } of benchCases(gpu, options.dtype, options.short)) {
  const ms = await measure(gpu, work.launches, budgetMs);
  const gflops = flops && flops / ms / 1e6;
  const gbPerSecond = bytes && bytes / ms / 1e6;
  const share = gflops ? gflops / rates.multiplyAddGflops : (gbPerSecond ?? 0) / rates.copyGbPerSecond;
  rows.push({ op, shape, ms, ...(gflops && { gflops }), ...(gbPerSecond && { gbPerSecond }), share });
  discard(gpu, work.launches);
  release(gpu, ...work.scratch, ...tensors);
  gpu.arena.trim();
  if (!options.json) {
    const [rate, unit] = gflops ? [gflops, 'Gflop/s'] : [gbPerSecond ?? 0, 'GB/s'];
    process.stdout.write(
      `${line([op, shape, ms.toFixed(2), rate.toFixed(1), unit, `${(share * 100).toFixed(0)} %`])}\n`,
    );
  }
}
if (options.json) {
  const { name, driver, software } = gpu.adapter;
  process.stdout.write(
    `${JSON.stringify({ adapter: { name, driver, software }, dtype: options.dtype, rates, rows })}\n`,
  );
}
gpu.close();

function line([op, shape, ms, rate, unit, share]: string[]): string {
  return `${op.padEnd(26)}${shape.padEnd(30)}${ms.padStart(9)}${rate.padStart(9)} ${unit.padEnd(8)}${share.padStart(6)}`;
}
