/** What `wrangler deploy` would send: one module that asks for nothing of Node and carries nothing native. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const WRANGLER = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url));

test('the worker’s bundle holds no native module and no node:', () => {
  const out = mkdtempSync(join(tmpdir(), 'organseg-bundle-'));
  onTestFinished(() => rmSync(out, { recursive: true }));
  const { status, stderr } = spawnSync(process.execPath, [WRANGLER, 'deploy', '--dry-run', '--outdir', out], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false' },
  });
  expect(status, stderr).toBe(0);
  const code = readdirSync(out).filter((name) => !/^README|\.map$/.test(name));
  expect(code).toEqual(['worker.js']);
  // Libraries show how they are imported in their comments.
  const bundle = readFileSync(join(out, 'worker.js'), 'utf8').replaceAll(/^\s*\*.*$/gm, '');
  expect(bundle).toContain('/v1/score');
  // In one line each, so that a failure does not print the bundle.
  expect(/["']node:[^"']*["']/.exec(bundle)?.[0]).toBeUndefined();
  expect(/^import\b.*|\brequire\(["'].*/m.exec(bundle)?.[0]).toBeUndefined();
  // Cloudflare takes 10 MB, gzipped.
  expect(bundle.length).toBeLessThan(3_000_000);
});
