/** Locked folders: against this process, another one that lives or was killed, and one on another machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { expect, onTestFinished, test } from 'vitest';
import { whileLocked } from './lock.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Another process that tries to hold a folder until it is killed, and what came of it. */
async function contender(folder: string): Promise<{ child: ChildProcess; said: string }> {
  const code = `import { whileLocked } from ${JSON.stringify(import.meta.resolve('./lock.ts'))};
    setInterval(() => {}, 1e6);
    const hold = () => new Promise(() => console.log('held'));
    await whileLocked(${JSON.stringify(folder)}, hold).catch(({ message }) => console.log(message));`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

const nothing = async () => {};

test('a folder is one work’s at a time; nothing is left behind', async () => {
  const folder = join(temporaryFolder(), 'new');
  await whileLocked(folder, async () => {
    const second = whileLocked(join(folder, '../new'), nothing);
    await expect(second).rejects.toThrow(/new is in use by process \d+$/);
  });
  expect(existsSync(folder)).toBe(false);
  await expect(whileLocked(folder, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  mkdirSync(folder);
  await whileLocked(folder, nothing);
  expect(readdirSync(folder)).toEqual([]);
});

test('another process keeps it while it lives; of those who come after it was killed, one gets it', async () => {
  const folder = temporaryFolder();
  const { child } = await contender(folder);
  await expect(whileLocked(folder, nothing)).rejects.toThrow(
    new InputError(`${folder} is in use by process ${child.pid}`),
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readdirSync(folder)).toEqual(['lock']);
  const tries = await Promise.all([1, 2, 3].map(() => contender(folder)));
  const winner = tries.find(({ said }) => said === 'held');
  const others = tries.filter((each) => each !== winner).map(({ said }) => said);
  const refusal = `${folder} is in use by process ${winner?.child.pid}`;
  expect(others).toEqual([refusal, refusal]);
});

test('a process id that came again is not the holder; another machine’s process may live', async () => {
  const folder = temporaryFolder();
  await whileLocked(folder, async () => {
    const [name] = readdirSync(join(folder, 'lock'));
    const [again, elsewhere] = [join(folder, 'again'), join(folder, 'elsewhere')];
    for (const path of [again, elsewhere]) mkdirSync(join(path, 'lock'), { recursive: true });
    writeFileSync(join(again, 'lock', name!.replace(/\.\d+\./, '.1.')), '');
    await whileLocked(again, nothing);
    writeFileSync(join(elsewhere, 'lock', name!.replace(/@.*/, '@node-7')), '');
    await expect(whileLocked(elsewhere, nothing)).rejects.toThrow(
      `${elsewhere} is in use by process ${process.pid} on node-7; if that one has ended, remove ${join(elsewhere, 'lock')}`,
    );
  });
});
