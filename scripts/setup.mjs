/**
 * `node scripts/setup.mjs [script] [arguments]`: makes a fresh machine ready, then runs that script of package.json
 * and exits as it does. Plain JavaScript for the host's Node, 20 or newer; the packages bring a Node that runs the rest.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// Corepack's pnpm would ask before it downloads.
process.env.COREPACK_ENABLE_DOWNLOAD_PROMPT = '0';

const PINNED = JSON.parse(readFileSync('package.json', 'utf8')).packageManager;
const ON_WINDOWS = process.platform === 'win32';
const NODE = join('node_modules', '.bin', ON_WINDOWS ? 'node.exe' : 'node');

const say = (text) => process.stderr.write(`setup: ${text}\n`);

/** Says what is about to be done and about how long it takes, does it, and says how long it took. */
function part(what, expected, work) {
  say(`${what}: ${expected}`);
  const begin = performance.now();
  const result = work();
  say(`${what}: took ${Math.round((performance.now() - begin) / 1000)} s`);
  return result;
}

/** Runs a command; on Windows by its shell, which alone knows npm and pnpm there. */
function start([program, ...args], options) {
  if (!ON_WINDOWS) return spawnSync(program, args, options);
  const line = [program, ...args].map((part) => `"${part}"`).join(' ');
  return spawnSync(line, { ...options, shell: true });
}

/** Runs a command out of sight: its exit code and all that it printed. */
function quietly(command) {
  const { status, stdout, stderr } = start(command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
  return { status, stdout: stdout?.trim() ?? '', printed: `${stdout ?? ''}${stderr ?? ''}`.trim() };
}

/** Runs a command in sight and returns its exit code. */
function openly(command) {
  const { status, error } = start(command, { stdio: 'inherit' });
  if (error) say(`${command[0]}: ${error.message}`);
  return status ?? 1;
}

/** The command that is pnpm of the pinned major version: the PATH's, put there if need be, else through npx. */
function findPnpm() {
  const version = () => quietly(['pnpm', '--version']).stdout;
  const major = (text) => text.replace(/^pnpm@/, '').split('.')[0];
  const found = version();
  if (major(found) === major(PINNED)) return ['pnpm'];
  if (!found && mayInstallGlobally()) {
    // Newer npm runs install scripts, here the one that fetches pnpm's binary, only where they are allowed.
    const install = ['npm', 'install', '--global', '--allow-scripts=pnpm', PINNED];
    part(`installing ${PINNED} by npm, so that \`pnpm …\` works`, 'some seconds', () => quietly(install));
    if (major(version()) === major(PINNED)) return ['pnpm'];
  }
  say(
    `for \`pnpm …\` type \`npx ${PINNED} …\`: ${found ? `pnpm here is ${found}` : 'there is no pnpm here'}`,
  );
  return ['npx', '--yes', PINNED];
}

/** Whether npm may write where it puts commands, and the PATH finds them there. */
function mayInstallGlobally() {
  const prefix = quietly(['npm', 'prefix', '--global']).stdout;
  const inPath = (process.env.PATH ?? '').split(delimiter).includes(join(prefix, 'bin'));
  return inPath && [join(prefix, 'bin'), join(prefix, 'lib')].every(isWritable);
}

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** pnpm keeps the lockfile that it installed last, and writes it when all is done. */
function isInstalled() {
  const installed = join('node_modules', '.pnpm', 'lock.yaml');
  return (
    existsSync(NODE) &&
    existsSync(installed) &&
    readFileSync(installed, 'utf8') === readFileSync('pnpm-lock.yaml', 'utf8')
  );
}

function main([script, ...args]) {
  const pnpm = findPnpm();
  if (!isInstalled()) {
    const install = [...pnpm, 'install', '--frozen-lockfile', '--config.confirm-modules-purge=false'];
    const expected = 'about 250 MB, a minute or two';
    const { status, printed } = part('installing packages', expected, () => quietly(install));
    if (status !== 0) {
      say(`installing packages failed:\n${printed}`);
      return 1;
    }
  }
  const adapter = openly([NODE, join('scripts', 'vulkan.ts')]);
  if (adapter !== 0 || !script) return adapter;
  if (script === 'test:all') {
    openly([NODE, join('scripts', 'chromium.ts')]);
    if (args.length === 0)
      say('running all tests: about a quarter of an hour on two cores, longer where busy');
  }
  return openly([...pnpm, 'run', script, ...args]);
}

process.exitCode = main(process.argv.slice(2));
