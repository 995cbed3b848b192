/** The service as it really runs: the node entry as a process, and the worker in Cloudflare's local runtime. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeKey } from '../src/auth/secret.ts';

export interface Server {
  readonly url: string;
  readonly ownerKey: string;
  close(): Promise<void>;
}

export type Settings = Readonly<Record<string, string>>;

const NODE_ENTRY = fileURLToPath(new URL('../src/entry/node.ts', import.meta.url));
const WRANGLER_CONFIG = fileURLToPath(new URL('../wrangler.toml', import.meta.url));

export interface NodeProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** The owner's key, printed where the folder is new. */
  readonly ownerKey: string | undefined;
  readonly stderr: () => string;
}

/** Starts the node entry on a free port; resolves when it listens. */
export function spawnNode(data: string, settings: Settings = {}): Promise<NodeProcess> {
  return new Promise((resolve, reject) => {
    const { INIT_CWD: _, ...env } = process.env;
    const child = spawn(process.execPath, [NODE_ENTRY, '--port', '0', '--data', data], {
      env: { ...env, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // Whatever becomes of this process, it leaves none behind.
    const orphan = () => child.kill('SIGKILL');
    process.once('exit', orphan);
    child.once('exit', () => process.off('exit', orphan));
    let [stdout, stderr] = ['', ''];
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const url = /Listening on (http:\S+)\n/.exec(stdout)?.[1];
      if (url) resolve({ url, child, ownerKey: /ose_\S+/.exec(stdout)?.[0], stderr: () => stderr });
    });
    child.on('exit', (code) => reject(new Error(`the node entry ended with ${code}: ${stderr}`)));
  });
}

/** Ends a process and waits until it has. */
export function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}

export async function startNode(settings: Settings = {}): Promise<Server> {
  const data = mkdtempSync(join(tmpdir(), 'organseg-evaluator-'));
  const { url, child, ownerKey } = await spawnNode(data, settings);
  return {
    url,
    ownerKey: ownerKey!,
    async close() {
      await end(child, 'SIGTERM');
      rmSync(data, { recursive: true });
    },
  };
}

/** Starts the worker. Its requests a minute are set by its configuration, which is changed for them. */
export async function startWorker(settings: Settings = {}): Promise<Server> {
  const { EVALUATOR_REQUESTS_PER_MINUTE: perMinute, ...vars } = settings;
  process.env.WRANGLER_LOG = 'none';
  process.env.WRANGLER_SEND_METRICS = 'false';
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const { createTestHarness } = await import('wrangler');
  const { key } = await makeKey({ role: 'owner', challengeId: null, team: null, expiresAt: null });
  const folder = mkdtempSync(join(tmpdir(), 'organseg-worker-'));
  const configPath = perMinute === undefined ? WRANGLER_CONFIG : join(folder, 'wrangler.toml');
  if (perMinute !== undefined) {
    const text = readFileSync(WRANGLER_CONFIG, 'utf8')
      .replace(
        /^main = "(.*)"$/m,
        (_, entry) => `main = ${JSON.stringify(join(WRANGLER_CONFIG, '..', entry))}`,
      )
      .replace(/^simple = \{ limit = \d+/m, `simple = { limit = ${perMinute}`);
    writeFileSync(configPath, text);
  }
  const harness = createTestHarness({ workers: [{ configPath, secrets: { OWNER_KEY: key }, vars }] });
  const { url } = await harness.listen();
  return {
    url: url.origin,
    ownerKey: key,
    async close() {
      await harness.close();
      rmSync(folder, { recursive: true });
    },
  };
}
