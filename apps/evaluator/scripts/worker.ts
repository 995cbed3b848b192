/** `pnpm evaluator:worker`: the worker in Cloudflare's local runtime, with a database and a bucket of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeKey } from '../src/auth/secret.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const secrets = `${folder}.dev.vars`;

if (!existsSync(secrets)) {
  const { key } = await makeKey({ role: 'owner', challengeId: null, team: null, expiresAt: null });
  writeFileSync(secrets, `OWNER_KEY=${key}\n`, { mode: 0o600 });
}
process.stdout.write(`The owner's key, in ${secrets}: ${/ose_\S+/.exec(readFileSync(secrets, 'utf8'))}\n`);
const wrangler = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url));
const { status } = spawnSync(process.execPath, [wrangler, 'dev', ...process.argv.slice(2)], {
  cwd: folder,
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
