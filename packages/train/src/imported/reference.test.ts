/** Reference networks: each one's weights are all there. */
import { networkLayout } from '@organseg/core/network/network.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, test } from 'vitest';
import { openReference } from './reference.ts';

const there = golden('monai') && golden('nnunet');

describe.skipIf(!there)('reference networks (skipped where ../shared is not there)', () => {
  test.each([
    ['monai/dynunet-res', 'DynUNet', 90_629],
    ['monai/dynunet-plain-ds', 'DynUNet', 90_231 - 2 * 5 - 5 * (12 + 16)],
    ['monai/segresnet', 'SegResNet', 163_788],
    ['nnunet/network-only/plain-no-conv-bias', 'PlainConvUNet', undefined],
    ['nnunet/network-only/resenc-pool-skip', 'ResidualEncoderUNet', undefined],
  ])('%s', async (folder, architecture, parameters) => {
    const { network, weights } = await openReference(golden(folder)!);
    expect(network.architecture).toBe(architecture);
    const { specs, count } = networkLayout(network);
    const values = specs.reduce((sum, { name }) => sum + weights.get(name)!.length, 0);
    weights.close();
    expect(values).toBe(count);
    if (parameters) expect(count).toBe(parameters);
  });

  test('a network that is not known is refused by its name', async () => {
    await expect(openReference(golden('monai/unet-batch')!)).rejects.toThrow('the network UNet is not known');
  });
});
