/** State dicts of nnU-Net's and MONAI's modules: their keys, and what is refused. */
import { describe, expect, test } from 'vitest';
import { InputError } from '../inputError.ts';
import { networkLayout } from './network.ts';
import type { NetworkConfig, PlainConvUnetConfig } from './networkConfig.ts';
import { parametersFrom, stateDictEntries } from './stateDict.ts';

const PLAIN: PlainConvUnetConfig = {
  architecture: 'PlainConvUNet',
  inputChannels: 1,
  classes: 2,
  filters: [2, 3, 4],
  kernels: [
    [3, 3, 3],
    [3, 3, 3],
    [1, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [2, 2, 2],
    [1, 2, 2],
  ],
  transposedBias: true,
  convolutions: [1, 1, 1],
  decoderConvolutions: [1, 1],
};
const DYNUNET: NetworkConfig = { ...PLAIN, architecture: 'DynUNet', residual: true, transposedBias: false };

const tensorsOf = (config: NetworkConfig, prefix = '') =>
  new Map(stateDictEntries(config).map(({ key, shape }) => [`${prefix}${key}`, { shape }]));

describe('keys', () => {
  test('PlainConvUNet: each convolution in its sequence too, the encoder in the decoder, a bias before every norm', () => {
    const keys = stateDictEntries(PLAIN);
    const of = (parameter?: string) =>
      keys.filter((entry) => entry.parameter === parameter).map(({ key }) => key);
    expect(of('encoder.stages.1.0.convs.0.conv.weight')).toEqual([
      'encoder.stages.1.0.convs.0.conv.weight',
      'encoder.stages.1.0.convs.0.all_modules.0.weight',
      'decoder.encoder.stages.1.0.convs.0.conv.weight',
      'decoder.encoder.stages.1.0.convs.0.all_modules.0.weight',
    ]);
    expect(of('decoder.stages.0.convs.0.norm.bias')).toEqual([
      'decoder.stages.0.convs.0.norm.bias',
      'decoder.stages.0.convs.0.all_modules.1.bias',
    ]);
    expect(of('decoder.transpconvs.1.bias')).toEqual(['decoder.transpconvs.1.bias']);
    // Of 3 convolutions of the encoder, 4 keys each, and of 2 of the decoder, 2 each.
    expect(of()).toHaveLength(3 * 4 + 2 * 2);
    // The head of the lower output, which a file may leave out.
    const head = 'decoder.seg_layers.0.weight';
    expect(of(head)).toEqual([head]);
    const tensors = tensorsOf(PLAIN);
    expect(parametersFrom(PLAIN, tensors, 'model.pth').get(head)).toBe(head);
    for (const name of ['weight', 'bias']) tensors.delete(`decoder.seg_layers.0.${name}`);
    expect(parametersFrom(PLAIN, tensors, 'model.pth').has(head)).toBe(false);
  });

  test('DynUNet: each block once more as a layer inside the one above', () => {
    const alias = (name: string) =>
      stateDictEntries(DYNUNET).find(({ key, parameter }) => parameter === name && key !== name)?.key;
    expect(alias('downsamples.0.conv3.conv.weight')).toBe(
      'skip_layers.next_layer.downsample.conv3.conv.weight',
    );
    expect(alias('bottleneck.norm1.bias')).toBe('skip_layers.next_layer.next_layer.norm1.bias');
    expect(alias('upsamples.0.transp_conv.conv.weight')).toBe(
      'skip_layers.next_layer.upsample.transp_conv.conv.weight',
    );
    expect(alias('output_block.conv.conv.weight')).toBeUndefined();
  });
});

describe('reading', () => {
  test.each([PLAIN, DYNUNET])(
    '$architecture: every parameter is found, with a prefix or without',
    (config) => {
      const { specs } = networkLayout(config);
      for (const prefix of ['', 'module.']) {
        const keys = parametersFrom(config, tensorsOf(config, prefix), 'a.pth');
        expect(specs.map(({ name }) => keys.get(name))).toEqual(specs.map(({ name }) => `${prefix}${name}`));
      }
    },
  );

  test('a missing, an unknown and a misshapen tensor are refused by name', () => {
    const name = 'encoder.stages.0.0.convs.0.conv.weight';
    const without = tensorsOf(PLAIN);
    for (const { key, parameter } of stateDictEntries(PLAIN)) if (parameter === name) without.delete(key);
    const read = (tensors: ReturnType<typeof tensorsOf>) => () => parametersFrom(PLAIN, tensors, 'a.pth');
    expect(read(without)).toThrow(new InputError(`a.pth: it has no tensor ${name}`));
    expect(read(tensorsOf(PLAIN).set('encoder.attention.weight', { shape: [1] }))).toThrow(
      "a.pth: tensor encoder.attention.weight is none of this PlainConvUNet's",
    );
    expect(read(tensorsOf(PLAIN).set(name, { shape: [2, 1, 5, 5, 5] }))).toThrow(
      `a.pth: tensor ${name} expects [2,1,3,3,3], got [2,1,5,5,5]`,
    );
  });
});
