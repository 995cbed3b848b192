/** `preprocess`: what it makes, that it goes on where it was killed, and that runs take it. */
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cli, cliHere, lastLine, temporaryFolder } from '../cli.ts';

const filesOf = (folder: string) =>
  new Map(
    (existsSync(folder) ? readdirSync(folder) : [])
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => [name, statSync(join(folder, name)).mtimeMs]),
  );

it('makes what runs would, once, though it is killed on the way', async () => {
  const folder = temporaryFolder();
  const [data, out] = [join(folder, 'data'), join(folder, 'prepared')];
  const phantoms = ['--labelled', '3', '--unlabelled', '2', '--test', '0', '--spacing', '10'];
  expect(await cliHere(['phantom', '--out', data, ...phantoms])).toMatchObject({ code: 0 });
  const config = join(folder, 'config.json');
  // A student of another grid wants images and labels of its own, of unlabelled scans too.
  const settings = { ...TINY_NETWORK, initial: { epochs: 1 }, student: { spacingMm: [14, 14, 14] } };
  writeFileSync(config, JSON.stringify(settings));
  const how = ['--data', data, '--preset', 'small', '--config', config];

  // What is said of this file before the first case hands the test the process.
  writeFileSync(join(data, 'labelsTr/left-out.nii'), '');
  let running: ChildProcess | undefined;
  const killed = cli(['preprocess', ...how, '--out', out], (_, child) => {
    running = child;
  });
  const watched = setInterval(() => filesOf(out).size && running?.kill('SIGKILL'), 20);
  await killed.finally(() => clearInterval(watched));
  const before = filesOf(out);
  const { code, stdout } = await cliHere(['preprocess', ...how, '--out', out, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ prepared: out, cases: 8 });
  const after = filesOf(out);
  const kinds = [...after.keys()].map((name) => name.replace(/_\d+\.\w+\./, ' ')).sort();
  expect(kinds).toEqual([
    ...Array(6).fill('labelled image.safetensors'),
    ...Array(6).fill('labelled labels.safetensors'),
    ...Array(2).fill('unlabelled image.safetensors'),
  ]);
  expect(before.size).toBeGreaterThan(0);
  expect(before.size).toBeLessThan(after.size);
  for (const [name, time] of before) expect(after.get(name)).toBe(time);

  // A run makes nothing anew; another that prepares by itself makes the same.
  const [shares, alone] = [join(folder, 'shares'), join(folder, 'alone')];
  expect(await cliHere(['train', ...how, '--out', shares, '--prepared', out])).toMatchObject({ code: 0 });
  expect(filesOf(out)).toEqual(after);
  expect(await cliHere(['train', ...how, '--out', alone])).toMatchObject({ code: 0 });
  const own = [...filesOf(join(alone, 'prepared')).keys()];
  expect(own).toHaveLength(6);
  for (const name of own)
    expect(readFileSync(join(out, name)).equals(readFileSync(join(alone, 'prepared', name)))).toBe(true);

  // A folder of something else is left alone, and so is what a broken case was not made into.
  mkdirSync(join(folder, 'notes'));
  writeFileSync(join(folder, 'notes/today.txt'), '');
  expect(lastLine(await cliHere(['preprocess', ...how, '--out', join(folder, 'notes')]))).toMatch(
    /notes: holds today\.txt, no prepared case; choose another folder for --out$/,
  );
  const broken = join(data, 'labelsTr/labelled_001.nii.gz');
  writeFileSync(broken, readFileSync(broken).subarray(0, 100));
  const refused = await cliHere(['preprocess', ...how, '--out', out]);
  expect(refused.code).toBe(1);
  expect(lastLine(refused)).toContain(`organseg: ${broken}: `);
  expect(filesOf(out)).toEqual(after);
});

it('makes byte for byte what a run makes of many cases, whose threads prepare them too', async () => {
  const folder = temporaryFolder();
  const [data, out, run] = ['data', 'prepared', 'run'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const phantoms = ['--labelled', '1', '--unlabelled', '0', '--test', '0', '--spacing', '10'];
  expect(await cliHere(['phantom', '--out', data, ...phantoms])).toMatchObject({ code: 0 });
  for (const [part, ending] of [
    ['imagesTr', '_0000.nii.gz'],
    ['labelsTr', '.nii.gz'],
  ])
    for (let i = 1; i < 8; i++)
      cpSync(join(data, part!, `labelled_000${ending}`), join(data, part!, `copy_${i}${ending}`));
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ ...TINY_NETWORK, initial: { epochs: 1 }, stepsPerEpoch: 1 }));
  const how = ['--data', data, '--preset', 'small', '--config', config];
  let threads = 0;
  const count = () => threads++;
  process.on('worker', count);
  const train = async (to: string, ...more: string[]) => {
    threads = 0;
    expect(await cliHere(['train', ...how, '--out', to, ...more])).toMatchObject({ code: 0 });
    return threads;
  };
  const free = await train(run);
  // Under a cap the run's own device, whose memory is counted, prepares them.
  const capped = await train(join(folder, 'capped'), '--memory-cap', '1024');
  process.off('worker', count);
  if (availableParallelism() > 1) expect(capped).toBeLessThan(free);
  expect(await cliHere(['preprocess', ...how, '--out', out])).toMatchObject({ code: 0 });
  const names = [...filesOf(out).keys()];
  expect(names).toHaveLength(16);
  for (const each of ['run', 'capped'])
    expect([...filesOf(join(folder, each, 'prepared')).keys()]).toEqual(names);
  for (const name of names)
    expect(readFileSync(join(run, 'prepared', name)).equals(readFileSync(join(out, name)))).toBe(true);
});
