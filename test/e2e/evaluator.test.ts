/** The transcript of docs/evaluator.md, pasted line by line into a shell; and the folders of `predict` and nnU-Net, zipped. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Client, challengeWith } from '../../apps/evaluator/test/client.ts';
import { end, spawnNode } from '../../apps/evaluator/test/servers.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cliJsonHere, temporaryFolder } from '../cli.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Blocks of the section, but for the two that start the service and name it. */
function transcript(): string {
  const text = readFileSync(join(root, 'docs/evaluator.md'), 'utf8');
  const section = /^## A challenge from start to end\n([\s\S]*?)^## /m.exec(text)![1];
  const blocks = Array.from(section.matchAll(/^```sh( \w+)?\n([\s\S]*?)^```/gm));
  expect(blocks.slice(0, 2).map(([, name]) => name)).toEqual([' start', ' settings']);
  return blocks
    .filter(([, name]) => name === undefined)
    .map(([, , lines]) => lines)
    .join('\n');
}

test('the transcript of the docs runs as it stands', async () => {
  const folder = temporaryFolder();
  const { url, ownerKey, child } = await spawnNode(join(folder, 'runs/demo/service'));
  onTestFinished(() => end(child, 'SIGKILL'));
  // The reader stands in the repository; this stands in a folder that is removed.
  const pnpm = `pnpm() { command pnpm --dir '${root}' "$@"; }`;
  const settings = `set -euo pipefail\n${pnpm}\nURL=${url}\nOWNER=${ownerKey}\n`;
  const { code, stdout, stderr } = await bash(`${settings}${transcript()}`, folder);
  expect(code, stderr).toBe(0);

  expect(stdout).toMatch(/\{"name":"labelled_000","shape":\[\d+,\d+,\d+\],"spacingMm":/);
  expect(stdout.match(/event: scored/g)).toHaveLength(2);
  const mean = /\{ dsc: (0\.\d+), nsd: (0\.\d+) \}/.exec(stdout)!;
  expect(Number(mean[1])).toBeGreaterThan(0.5);
  const board = JSON.parse(/^\{"challenge".*$/m.exec(stdout)![0]);
  const byTeam = Object.fromEntries(board.entries.map((entry: { team: string }) => [entry.team, entry]));
  // Each is first in one of the two cases.
  expect(byTeam.Blue).toMatchObject({ rank: 1.5, missing: 1, mean: { dsc: 0.5 } });
  expect(byTeam.Red).toMatchObject({ rank: 1.5, missing: 0, mean: { dsc: Number(mean[1]) } });
  const [heading, ...rows] = stdout.slice(stdout.indexOf('rank,rank_low')).split('\r\n');
  expect(heading).toMatch(/,efficiency,logs,/);
  expect(rows.find((row) => row.includes(',Red,'))).toMatch(/,measured,1,0,0,/);
});

test('what predict writes is submitted as it is, and so is what nnU-Net writes', async () => {
  const folder = temporaryFolder();
  const [data, run, config] = ['data', 'run', 'tiny.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(config, JSON.stringify({ ...TINY_NETWORK, initial: { epochs: 1 } }));
  const counts = ['--labelled', '2', '--unlabelled', '0', '--test', '0'];
  await cliJsonHere(['phantom', '--out', data, ...counts, '--spacing', '10']);
  await cliJsonHere(['train', '--data', data, '--out', run, '--preset', 'small', '--config', config]);
  const everything = ['--probabilities', '--statistics', '--preview', '--profile'];
  const predicted = join(folder, 'predicted');
  await cliJsonHere([
    'predict',
    '--model',
    run,
    '--input',
    join(data, 'imagesTr'),
    '--out',
    predicted,
    ...everything,
  ]);

  const names = ['labelled_000', 'labelled_001'];
  const ofNnUnet = join(folder, 'nnUNet');
  mkdirSync(ofNnUnet);
  for (const name of names) cpSync(join(predicted, `${name}.nii.gz`), join(ofNnUnet, `${name}.nii.gz`));
  for (const name of NNUNET_FILES) writeFileSync(join(ofNnUnet, name), '{}');

  const { url, ownerKey, child } = await spawnNode(join(folder, 'service'));
  onTestFinished(() => end(child, 'SIGKILL'));
  const references = names.map((name) => [
    name,
    Uint8Array.from(readFileSync(join(data, 'labelsTr', `${name}.nii.gz`))),
  ]);
  const { id, team } = await challengeWith(new Client({ url }, ownerKey), Object.fromEntries(references));
  const { client } = await team('A');
  for (const [whole, zipped] of [
    [predicted, 'cd predicted && zip -qr ../predicted.zip .'],
    [ofNnUnet, 'zip -qr nnUNet.zip nnUNet'],
  ] as const) {
    expect(await bash(zipped, folder)).toMatchObject({ code: 0 });
    const { status, body } = await client.submit(id, Uint8Array.from(readFileSync(`${whole}.zip`)));
    expect(status, body.detail).toBe(202);
    expect(body.progress.total).toBe(2);
    const others = readdirSync(whole).filter((name) => !names.includes(name.replace('.nii.gz', '')));
    expect(others.length).toBeGreaterThan(4);
    const passedOver = body.passedOver.map((path: string) => path.replace('nnUNet/', ''));
    expect(passedOver.sort()).toEqual(others.sort());
    await client.watch(body.id);
    expect((await client.get(`/v1/submissions/${body.id}`)).body).toMatchObject({
      state: 'scored',
      missing: [],
    });
  }
});

/** Beside its masks, with `--save_probabilities` and after its choice of a postprocessing. */
const NNUNET_FILES = [
  'dataset.json',
  'plans.json',
  'predict_from_raw_data_args.json',
  'postprocessing.pkl',
  'summary.json',
  'labelled_000.npz',
  'labelled_000.pkl',
];

function bash(script: string, cwd: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const { INIT_CWD: _, ...env } = process.env;
    const child = spawn('bash', ['-s'], { cwd, env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.end(script);
  });
}
