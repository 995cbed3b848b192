/** `measure` around commands that end, are ended and get stuck. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cli, lastLine, temporaryFolder } from '../cli.ts';

const measured = (...args: string[]) => cli(['measure', '--json', ...args]);

test('passes a command’s output, arguments and exit code on', async () => {
  const { code, stdout } = await cli(['measure', '--', 'sh', '-c', 'echo "got $1"; exit 7', 'sh', '--json']);
  expect(code).toBe(7);
  expect(stdout).toMatch(/^got --json\n/);
  expect(stdout).toMatch(/GPU AUC above 2 GB/);
});

test('tells a signal as a shell does', async () => {
  expect((await measured('--', 'sh', '-c', 'kill -9 $$')).code).toBe(128 + 9);
});

test('writes a log that gives the figures it prints', async () => {
  const log = join(temporaryFolder(), 'case.jsonl');
  const { stdout } = await measured(
    '--log',
    log,
    '--',
    'sh',
    '-c',
    'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
  );
  const figures = JSON.parse(stdout);
  const lines = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(figures.samples);
  expect(lines[0].t).toBe(0);
  expect(lines.at(-1).t).toBe(figures.timeS);
  const sum = lines.reduce((total, { cpuPercent }) => total + cpuPercent, 0);
  expect(figures.cpuAucPercentS.official).toBeCloseTo(sum / 10, 6);
  expect(sum).toBeGreaterThan(0);
});

test('reads the GPU’s memory from nvidia-smi', async () => {
  const folder = temporaryFolder();
  // As the real one, it reports until it is ended.
  const smi =
    '#!/bin/sh\necho "$@" > "$(dirname "$0")/arguments"\nwhile true; do echo 5048; sleep 0.02; done\n';
  writeFileSync(join(folder, 'nvidia-smi'), smi, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  onTestFinished(() => {
    process.env.PATH = path;
  });
  // The command ends when the log, still unfinished under another name, holds two readings.
  const isRead = 'until [ "$(cat "$1"/*.part | grep -c 5048)" -gt 1 ]; do sleep 0.05; done';
  const log = join(folder, 'log');
  const { stdout, stderr } = await measured('--log', log, '--', 'sh', '-c', isRead, 'sh', folder);
  const figures = JSON.parse(stdout);
  expect(figures.peakGpuMemoryMb).toBe(5048);
  expect(figures.gpuAucAbove2GbMbS.byTime).toBeGreaterThan(0);
  expect(readFileSync(join(folder, 'arguments'), 'utf8')).toMatch(/--loop-ms=100/);
  expect(stderr).not.toMatch(/no nvidia-smi/);
});

describe('a stuck command', () => {
  test('is ended with all it started, and counts as the rules say', async () => {
    const folder = temporaryFolder();
    const [log, started] = [join(folder, 'case.jsonl'), join(folder, 'child')];
    const script = `sleep 100000 & echo $! > ${started}; wait`;
    const stuckFor = (seconds: number) => {
      rmSync(log, { force: true });
      return measured('--timeout', String(seconds), '--log', log, '--', 'sh', '-c', script);
    };
    let { code, stdout } = await stuckFor(0.5);
    // A busy machine may have ended it before it started anything.
    for (let seconds = 2; !existsSync(started); seconds *= 4) ({ code, stdout } = await stuckFor(seconds));
    expect(code).toBe(124);
    expect(JSON.parse(stdout)).toMatchObject({
      isStuck: true,
      timeS: 3600,
      gpuAucMbS: { official: 29_491_200 },
      cpuAucPercentS: { official: 360_000 },
    });
    expect(JSON.parse(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1)!)).toEqual({ stuck: true });
    const child = Number(readFileSync(started, 'utf8'));
    expect(
      existsSync(`/proc/${child}`) && !/State:\tZ/.test(readFileSync(`/proc/${child}/status`, 'utf8')),
    ).toBe(false);
  });
});

test('leaves a file alone that is there already', async () => {
  const log = join(temporaryFolder(), 'mine.txt');
  writeFileSync(log, 'mine');
  const { code, stderr } = await measured('--log', log, '--', 'true');
  expect([code, readFileSync(log, 'utf8')]).toEqual([1, 'mine']);
  expect(stderr).toContain(`${log}: is there already; choose another name`);
});

test('says in a line that there is no such command, and leaves no log', async () => {
  const folder = temporaryFolder();
  const finished = await measured('--log', join(folder, 'a.jsonl'), '--', 'no-such-command');
  expect(finished.code).toBe(1);
  expect(lastLine(finished)).toMatch(/^organseg: no-such-command: cannot be run: /);
  expect(readdirSync(folder)).toEqual([]);
});
