/** Areas under curves of memory and CPU use. */
import { expect, it } from 'vitest';
import { efficiencyOf } from './efficiency.ts';

const sample = (t: number, gpuMemoryMb: number, cpuPercent: number) => ({ t, gpuMemoryMb, cpuPercent });

it('integrates by the samples’ own times and by the official sum', () => {
  const figures = efficiencyOf([sample(0, 1000, 10), sample(1, 3048, 30), sample(3, 2048, 50)]);
  expect(figures.timeS).toBe(3);
  expect(figures.peakGpuMemoryMb).toBe(3048);
  expect(figures.gpuAucMbS.byTime).toBe(2024 + 2 * 2548);
  expect(figures.gpuAucMbS.official).toBeCloseTo(609.6, 9);
  expect(figures.gpuAucAbove2GbMbS.byTime).toBe(500 + 1000);
  expect(figures.gpuAucAbove2GbMbS.official).toBeCloseTo(100, 9);
  expect(figures.cpuAucPercentS.byTime).toBe(20 + 80);
  expect(figures.cpuAucPercentS.official).toBeCloseTo(9, 9);
});

it('gives areas that agree where samples come every 0.1 s of a steady load', () => {
  const steady = Array.from({ length: 1001 }, (_, i) => sample(i / 10, 5000, 80));
  const { gpuAucMbS, cpuAucPercentS } = efficiencyOf(steady);
  expect(gpuAucMbS.byTime).toBeCloseTo(500_000, 6);
  expect(gpuAucMbS.official).toBeCloseTo(500_500, 6);
  expect(cpuAucPercentS.byTime).toBeCloseTo(8000, 6);
});

it('needs a sample', () => {
  expect(() => efficiencyOf([])).toThrow('no samples');
});
