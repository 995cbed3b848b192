/** `pnpm viewer [--port N]`: builds the viewer and serves it on this machine. */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildSite } from './site.ts';
import { serveFolder } from './staticServer.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8790' } } });
const folder = fileURLToPath(new URL('../dist', import.meta.url));
await buildSite(folder);
await serveFolder(folder, Number(values.port));
process.stdout.write(`http://localhost:${values.port}/ shows the viewer; Ctrl-C ends it\n`);
