/** The transcript of docs/evaluator.md, pasted line by line into a shell. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { end, spawnNode } from '../../apps/evaluator/test/servers.ts';
import { temporaryFolder } from '../cli.ts';

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
