/** The parameters in a checkpoint: values that no network can compute with. */
import { encodeSafetensors } from '@organseg/core/network/safetensors.ts';
import { expect, test } from 'vitest';
import { OpenParameters } from './openParameters.ts';

test.each([NaN, -Infinity])('a weight of %d is told with its name and its file', (value) => {
  const values = Float32Array.of(0.5, value);
  const tensors = new Map([['first.weight', { shape: [2], values }]]);
  const bytes = Buffer.concat([...encodeSafetensors({ metadata: {}, tensors })]);
  const read = (position: number, length: number) =>
    new Uint8Array(bytes.subarray(position, position + length));
  const file = { path: 'run/best', size: bytes.length, read, close() {} };
  const opened = new OpenParameters(file, [{ name: 'first.weight', shape: [2], kind: 'bias' }]);
  expect(() => opened.get('first.weight')).toThrow(`run/best: first.weight holds ${value}, no finite number`);
});
