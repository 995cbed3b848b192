/** What opening the GPU prints. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('finding an adapter prints nothing', () => {
  const dawn = fileURLToPath(new URL('dawn.ts', import.meta.url));
  const script = `
    const { findAdapter } = await import(${JSON.stringify(dawn)});
    process.stderr.write((await findAdapter()) ? 'found' : 'none');
    process.exit();`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(stderr).toBe('found');
});
