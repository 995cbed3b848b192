/** safetensors files, whole and damaged. */
import { describe, expect, test } from 'vitest';
import { InputError } from '../inputError.ts';
import { Random } from '../random.ts';
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from './safetensors.ts';

function bytesOf(tensors: Record<string, SafeTensor>, metadata: Record<string, string> = {}): Uint8Array {
  const parts = [...encodeSafetensors({ metadata, tensors: new Map(Object.entries(tensors)) })];
  return new Uint8Array(Buffer.concat(parts));
}

const EXAMPLE = {
  weight: { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, 1e-20, 7) },
  labels: { shape: [5], values: Uint8Array.of(0, 1, 2, 254, 255) },
  half: { shape: [2], values: Float16Array.of(0.5, -65504) },
  scalar: { shape: [], values: Float64Array.of(Math.PI) },
};

/** A file with this header text and some data. */
function fileWith(header: string, dataBytes = 24): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('safetensors', () => {
  test('what is written is read', () => {
    const read = decodeSafetensors(bytesOf(EXAMPLE, { state: '{"epoch":3}' }), 'a.safetensors');
    expect(read.metadata).toEqual({ state: '{"epoch":3}' });
    expect(Object.fromEntries(read.tensors)).toEqual(EXAMPLE);
  });

  test('the header is padded so that values are aligned, as the format’s own library does', () => {
    const bytes = bytesOf(EXAMPLE);
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  });

  test.each([
    [new Uint8Array(3), 'too short for a safetensors file'],
    [new Uint8Array(100).fill(255), 'not a safetensors file, or cut short in its header'],
    [fileWith('{"a":'), 'its safetensors header is not JSON'],
    [fileWith('{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'), 'tensor a has an unknown dtype'],
    [
      fileWith('{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,4]}}'),
      'tensor a has an unknown dtype or no valid shape',
    ],
    [
      fileWith('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'),
      'tensor a [2] takes 8 bytes, its offsets give 4',
    ],
    [
      fileWith('{"a":{"dtype":"F32","shape":[2],"data_offsets":[20,28]}}'),
      'cut short: tensor a lies beyond the end',
    ],
    [fileWith('{"a":7}'), 'tensor a has an unknown dtype'],
  ])('a broken file is refused in one line', (bytes, fault) => {
    expect(() => decodeSafetensors(bytes, 'b.safetensors')).toThrow(`b.safetensors: ${fault}`);
  });

  test('random damage gives an InputError or another valid file, nothing else', () => {
    const random = new Random(11);
    const whole = bytesOf(EXAMPLE, { note: 'x' });
    for (let round = 0; round < 2000; round++) {
      const bytes = whole.slice(0, random.chance(0.3) ? random.int(whole.length) : whole.length);
      for (let flips = random.int(4); flips > 0; flips--) bytes[random.int(bytes.length)] = random.int(256);
      try {
        decodeSafetensors(bytes, 'c.safetensors');
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  });
});
