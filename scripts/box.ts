/**
 * `pnpm box`: makes the model in the box, models/abdomen, from generated scans alone, as its recipe.json says. What is
 * done already in runs/box is not done again: after a stop the same command goes on. How far it is to be trusted is
 * learnt from other generated scans and, where `--images DIR --labels DIR` are given, from real ones of known truth.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODEL = 'models/abdomen';
const WORK = 'runs/box';
/** The number of phantoms from which the model's calibration is learnt. */
const UNSEEN = 20;

interface Recipe {
  readonly phantom: { readonly labelled: number; readonly seed: number; readonly spacing: number };
  readonly preset: string;
  readonly settings: Record<string, unknown>;
}

function organseg(...args: string[]): void {
  process.stderr.write(`\n$ pnpm cli ${args.join(' ')}\n`);
  const program = join(ROOT, 'apps/cli/src/main.ts');
  const { status } = spawnSync(process.execPath, [program, ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function writePhantoms(out: string, count: number, from: number): void {
  const counts = ['--labelled', `${count}`, '--unlabelled', '0', '--test', '0'];
  organseg('phantom', '--out', out, ...counts, '--seed', `${from}`, '--spacing', `${spacing}`, '--wide');
}

const file = (...path: string[]) => join(ROOT, ...path);
const { phantom, preset, settings }: Recipe = JSON.parse(readFileSync(file(MODEL, 'recipe.json'), 'utf8'));
const [data, run] = [`${WORK}/data`, `${WORK}/run`];
const { labelled, seed, spacing } = phantom;
writePhantoms(data, labelled, seed);
if (existsSync(file(run, 'config.json'))) organseg('train', '--out', run, '--resume');
else {
  mkdirSync(file(WORK), { recursive: true });
  writeFileSync(file(WORK, 'settings.json'), JSON.stringify(settings));
  organseg('train', '--data', data, '--out', run, '--preset', preset, '--config', `${WORK}/settings.json`);
}
for (const name of ['checkpoint-best.safetensors', 'training.jsonl', 'progress.svg'])
  copyFileSync(file(run, name), file(MODEL, name));
// The folder of the data is where the command has put it, whoever runs it.
const description = { ...JSON.parse(readFileSync(file(run, 'config.json'), 'utf8')), data, sources: null };
writeFileSync(file(MODEL, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);

const unseen = `${WORK}/unseen`;
writePhantoms(unseen, UNSEEN, seed + 1);
const known = ['--images', `${unseen}/imagesTr`, '--labels', `${unseen}/labelsTr`, ...process.argv.slice(2)];
organseg('calibrate', '--model', MODEL, '--largest-component', ...known);
