/** `parity` on folders of what PyTorch made of a network, or of a model and a scan. */
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cliHere, cliJsonHere, shared, temporaryFolder } from '../cli.ts';

interface Report {
  passed: boolean;
  stages: { name: string; error: number }[];
}

const golden = shared('golden');

describe.skipIf(!golden)('folders of PyTorch’s (skipped where ../shared is not there)', () => {
  test('of a model and a scan every stage is compared', async () => {
    const { passed, stages } = await cliJsonHere<Report>(['parity', join(golden!, 'nnunet/twochannel')]);
    expect(passed).toBe(true);
    expect(stages.map(({ name }) => name)).toEqual(['input', 'patch logits', 'mean logits', 'labels']);
    expect(stages[3]!.error).toBe(0);
  });

  test('other logits fail, with exit code 1', async () => {
    const folder = join(temporaryFolder(), 'network');
    cpSync(join(golden!, 'nnunet/network-only/plain-no-conv-bias'), folder, { recursive: true });
    const logits = join(folder, 'logits.npy');
    const bytes = readFileSync(logits);
    bytes.writeFloatLE(1e3, bytes.length - 4);
    chmodSync(logits, 0o600);
    chmodSync(folder, 0o700);
    writeFileSync(logits, bytes);
    const { code, stdout } = await cliHere(['parity', folder]);
    expect([code, stdout.trimEnd().split('\n').at(-1)]).toEqual([1, 'FAILED']);
  });
});
