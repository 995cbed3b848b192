/** `pnpm evaluator [--port N] [--host H] [--data DIR]`: the service on this machine. */
import { parseArgs } from 'node:util';
import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { createApp } from '../app.ts';
import { makeKey } from '../auth/secret.ts';
import { nodeServices } from '../node/services.ts';

const USAGE = `pnpm evaluator [--port N] [--host H] [--data DIR]
pnpm evaluator key      prints a new key for EVALUATOR_OWNER_KEY, or a Worker's secret OWNER_KEY

  --port N     listen on this port (8787; 0 takes a free one)
  --host H     listen on this address (127.0.0.1; 0.0.0.0 for all)
  --data DIR   the folder of the database and the masks (runs/evaluator)`;

/** An upload over a slow line may take so long. */
const REQUEST_MS = 3600_000;
/** Longer than clients and proxies keep a connection, so that none sends into one that is being closed. */
const KEEP_ALIVE_MS = 75_000;
/** Requests under way get so long to end when the process is told to. */
const GRACE_MS = 5000;

async function main(args: string[]): Promise<void> {
  // pnpm runs scripts in the repository's folder; paths are meant from where the user stands.
  if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '8787' },
      host: { type: 'string', default: '127.0.0.1' },
      data: { type: 'string', default: 'runs/evaluator' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return say(USAGE);
  if (positionals.length > 0 && positionals.join(' ') !== 'key')
    throw new UsageError(`unknown: ${positionals.join(' ')}`);
  if (positionals.length > 0) {
    return say((await makeKey({ role: 'owner', challengeId: null, team: null, expiresAt: null })).key);
  }
  const port = Number(values.port);
  if (!/^\d{1,5}$/.test(values.port) || port > 65535)
    throw new UsageError(`--port ${values.port}: expected 0 to 65535`);

  const { services, loop, ownerKey, close } = await nodeServices({
    data: values.data,
    environment: process.env,
    addressOf: (c) => getConnInfo(c).remote.address ?? 'unknown',
  });
  const app = createApp(async () => services);
  const server = serve(
    {
      fetch: app.fetch,
      port,
      hostname: values.host,
      serverOptions: { requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS },
    },
    ({ address, port: taken, family }) => {
      const host = family === 'IPv6' ? `[${address}]` : address;
      if (ownerKey) say(`The owner's key, shown this once: ${ownerKey}`);
      say(`Listening on http://${host}:${taken}`);
    },
  );
  server.on('error', (error) => fail(error, 1));
  loop.wake();

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => void close().then(() => process.exit(0)));
      // An upload may end; whoever watches a submission would stay.
      setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), GRACE_MS).unref();
    });
  }
}

class UsageError extends Error {}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(error: unknown, code: number): void {
  process.stderr.write(`evaluator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(code);
}

await main(process.argv.slice(2)).catch((error) => {
  const isUsage = error instanceof UsageError || String(error?.code).startsWith('ERR_PARSE_ARGS');
  fail(error, isUsage ? 2 : 1);
});
