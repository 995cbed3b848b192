/** Dice and cross entropy against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, expectGradient, onDevice } from '../../test/harness.ts';
import { relativeError } from '../reference/array.ts';
import * as twin from '../reference/diceCrossEntropy.ts';
import { downloadF32, fromArray } from '../tensor.ts';
import * as diceCrossEntropy from './diceCrossEntropy.ts';

const CASES = [
  { shape: [1, 2, 3, 3, 2], present: 2 },
  { shape: [2, 9, 11, 13, 14], present: 14 },
  { shape: [2, 5, 7, 9, 14], present: 3 }, // classes without a voxel
  { shape: [1, 16, 16, 16, 4], present: 1 },
];

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`diceCrossEntropy, ${name}`, options, (kit) => {
    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape with $present classes present`, async ({ shape, present }) => {
        const logits = kit.peaky(shape, dtype);
        const voxels = logits.data.length / shape[4]!;
        const labels = Uint8Array.from({ length: voxels }, () => Math.floor(kit.random() * present));
        const target = fromArray(kit.gpu, labels, [...shape.slice(0, 4), 1]);
        const z = kit.upload(logits, dtype);
        const loss = kit.empty([3]);
        const coefficients = kit.empty([shape[0]!, shape[4]!, 2]);
        kit.run(diceCrossEntropy.forward(kit.gpu, { logits: z, target, loss, coefficients }));
        expect(relativeError(await downloadF32(kit.gpu, loss), twin.forward(logits, labels))).toBeLessThan(
          1e-5,
        );

        const scale = dtype === 'f16' ? voxels : 1;
        const dLogits = kit.output(shape, dtype);
        kit.run(diceCrossEntropy.backward(kit.gpu, { logits: z, target, coefficients, dLogits, scale }));
        await kit.expectClose(dLogits, twin.backward(logits, labels, scale));
      });
    }

    test('the twin agrees with central differences', () => {
      const logits = kit.peaky([2, 2, 2, 3, 4]);
      const labels = Array.from({ length: 24 }, (_, i) => i % 3);
      expectGradient(kit, logits, (z) => twin.forward(z, labels)[0], twin.backward(logits, labels, 1));
    });

    test('a target of another size is refused by name', () => {
      const call = {
        logits: kit.zeros([1, 2, 2, 2, 3]),
        target: kit.empty([1, 2, 2, 3, 1], 'u8'),
        loss: kit.empty([3]),
        coefficients: kit.empty([1, 3, 2]),
      };
      expect(() => diceCrossEntropy.forward(kit.gpu, call)).toThrow(
        'target expects u8 [1,2,2,2,1], got u8 [1,2,2,3,1]',
      );
    });
  });
}
