/** `pnpm viewer:build [--out DIR]`: the viewer as static files, for any host. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSite } from './site.ts';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const folder = values.out
  ? resolve(process.env.INIT_CWD ?? '.', values.out)
  : fileURLToPath(new URL('../dist', import.meta.url));
// What a site is written over is removed: of a folder of the user's own, nothing.
const isFree = !existsSync(folder) || (statSync(folder).isDirectory() && readdirSync(folder).length === 0);
if (values.out && !isFree) {
  process.stderr.write(`viewer:build: ${folder}: is there already; name a new folder\n`);
  process.exitCode = 1;
} else {
  await buildSite(folder);
  process.stdout.write(`${folder}\n`);
}
