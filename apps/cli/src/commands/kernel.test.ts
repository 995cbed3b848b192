/** What `kernel` lists and prints. */
import { expect, it, vi } from 'vitest';
import { kernel } from './kernel.ts';

async function run(...args: string[]): Promise<string> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await kernel.parseAsync(args, { from: 'user' });
    return stdout.mock.calls.join('');
  } finally {
    stdout.mockRestore();
  }
}

it('lists the kernels of a convolution, and prints those that are named', async () => {
  const convolution = ['--channels', '32+16,64', '--stride', '2', '--dtype', 'f16', '--kernel', 'matrix'];
  const table = await run(...convolution);
  expect(table.split('\n')[0]).toMatch(/^ +kernel +lines +runs in$/);
  expect(table).toMatch(/^ *\d+ {2}conv3d\.dWeight +\d+ {2}weight gradient$/m);
  const code = await run('conv3d', ...convolution);
  expect(code).toMatch(/^\/\/ \d+: conv3d, forward\n/);
  expect(code).toContain('  let right0 = subgroupMatrixLoad<');
  expect(await run('conv3d', ...convolution, '--on', 'plain')).not.toContain('subgroupMatrixLoad');
  await expect(run('conv3d.forward', ...convolution)).rejects.toThrow(
    /^no kernel conv3d\.forward here; there are conv\.pack, conv3d, /,
  );
});

it('lists the kernels of a training step with the layers that run them', async () => {
  const { kernels } = JSON.parse(await run('--preset', 'small', '--on', 'software', '--json'));
  const names = kernels.map(({ name }: { name: string }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['conv3d', 'instanceNorm.sum', 'diceCrossEntropy.loss', 'adam']),
  );
  for (const { usedBy, code } of kernels)
    expect([usedBy.length > 0, code.includes('fn main(')]).toEqual([true, true]);
});
