/** The memory that scoring a large pair takes. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('a pair of 512×512×300 maps is scored within the 128 MB of an edge worker', () => {
  const bench = fileURLToPath(new URL('../bench/largePair.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [bench, '--json'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  const { peakBytes, mean } = JSON.parse(stdout);
  expect(peakBytes).toBeLessThan(128e6);
  expect(mean.dsc).toBeCloseTo(0.9076, 4);
});
