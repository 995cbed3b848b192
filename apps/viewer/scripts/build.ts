/** `pnpm viewer:build [--out DIR]`: the viewer as static files, for any host. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSite } from './site.ts';

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const folder = values.out
  ? resolve(process.env.INIT_CWD ?? '.', values.out)
  : fileURLToPath(new URL('../dist', import.meta.url));
await buildSite(folder);
process.stdout.write(`${folder}\n`);
