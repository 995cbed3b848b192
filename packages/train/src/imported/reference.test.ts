/** Reference networks: each one's weights are all there. */
import { networkLayout } from '@organseg/core/network/network.ts';
import type { ParameterSpec } from '@organseg/core/network/parameters.ts';
import { golden } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, test } from 'vitest';
import { openReference } from './reference.ts';

const there = golden('monai') && golden('nnunet');

describe.skipIf(!there)('reference networks (skipped where ../shared is not there)', () => {
  test.each([
    ['monai/dynunet-res', 'DynUNet', 90_629],
    ['monai/dynunet-plain-ds', 'DynUNet', 90_231 - 2 * 5 - 5 * (12 + 16)],
    ['monai/segresnet', 'SegResNet', 163_788],
    ['monai/unet-batch', 'UNet', 72_064],
    ['nnunet/network-only/plain-no-conv-bias', 'PlainConvUNet', undefined],
    ['nnunet/network-only/resenc-pool-skip', 'ResidualEncoderUNet', undefined],
  ])('%s', async (folder, architecture, parameters) => {
    const { network, weights } = await openReference(golden(folder)!);
    expect(network.architecture).toBe(architecture);
    const { specs, count } = networkLayout(network);
    const values = (spec: ParameterSpec) => weights.get(spec.name)!.length;
    const trained = specs.reduce((sum, spec) => sum + (spec.isFrozen ? 0 : values(spec)), 0);
    weights.close();
    expect(trained).toBe(count);
    if (parameters) expect(count).toBe(parameters);
  });
});
