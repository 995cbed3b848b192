/** Dice and cross entropy against the float64 twin. */
import { expect, test } from 'vitest';
import { DEVICES, expectGradient, onDevice } from '../../test/harness.ts';
import { IGNORED, PSEUDO } from '../codedLabels.ts';
import { type Reference, reference, relativeError } from '../reference/array.ts';
import * as twin from '../reference/diceCrossEntropy.ts';
import { downloadF32, fromArray } from '../tensor.ts';
import * as diceCrossEntropy from './diceCrossEntropy.ts';

const CASES = [
  { shape: [1, 2, 3, 3, 2], present: 2 },
  { shape: [2, 9, 11, 13, 14], present: 14 },
  { shape: [2, 5, 7, 9, 14], present: 3 }, // classes without a voxel
  { shape: [1, 16, 16, 16, 4], present: 1 },
];

/** The weight of pseudo-labels. */
const WEIGHT = 0.47;

for (const [name, options] of Object.entries(DEVICES)) {
  onDevice(`diceCrossEntropy, ${name}`, options, (kit) => {
    /** Loss and gradient by the kernels. */
    async function learned(
      logits: Reference,
      labels: Uint8Array,
      {
        dtype = 'f32' as 'f32' | 'f16',
        scale = 1,
        pseudoWeight = undefined as number | undefined,
        regions = undefined as diceCrossEntropy.Regions | undefined,
      },
    ) {
      const { shape } = logits;
      const target = fromArray(kit.gpu, labels, [...shape.slice(0, 4), 1]);
      const loss = kit.empty([3]);
      const coefficients = kit.empty([shape[0]!, shape[4]!, 2]);
      const dLogits = kit.output(shape, dtype);
      const call = { logits: kit.upload(logits, dtype), target, pseudoWeight, regions, coefficients };
      kit.run(diceCrossEntropy.forward(kit.gpu, { ...call, loss }));
      kit.run(diceCrossEntropy.backward(kit.gpu, { ...call, dLogits, scale }));
      return { loss: await downloadF32(kit.gpu, loss), dLogits };
    }

    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape with $present classes present`, async ({ shape, present }) => {
        const logits = kit.peaky(shape, dtype);
        const voxels = logits.data.length / shape[4]!;
        const labels = Uint8Array.from({ length: voxels }, () => Math.floor(kit.random() * present));
        const scale = dtype === 'f16' ? voxels : 1;
        const { loss, dLogits } = await learned(logits, labels, { dtype, scale });
        expect(relativeError(loss, twin.forward(logits, labels))).toBeLessThan(1e-5);
        await kit.expectClose(dLogits, twin.backward(logits, labels, scale));
      });
    }

    for (const dtype of ['f32', 'f16'] as const) {
      test.each(CASES)(`${dtype} $shape with truth, pseudo-labels and ignored voxels`, async (c) => {
        const { shape, present } = c;
        const logits = kit.peaky(shape, dtype);
        const C = shape[4]!;
        const labels = Uint8Array.from({ length: logits.data.length / C }, () => {
          const label = Math.floor(kit.random() * present);
          return [label, label | PSEUDO, IGNORED][Math.floor(kit.random() * 3)]!;
        });
        const scale = dtype === 'f16' ? labels.length : 1;
        const expected = twin.forward(logits, labels, WEIGHT);
        const gradient = twin.backward(logits, labels, scale, WEIGHT);
        const isIgnored = (_: number, i: number) => labels[Math.floor(i / C)] === IGNORED;
        // Nothing that a network says of an ignored voxel counts.
        const garbage = reference(
          shape,
          logits.data.map((z, i) => (isIgnored(z, i) ? Number.NaN : z)),
        );
        const { loss, dLogits } = await learned(garbage, labels, { dtype, scale, pseudoWeight: WEIGHT });
        expect(relativeError(loss, expected)).toBeLessThan(1e-5);
        await kit.expectClose(dLogits, gradient);
        const ignored = (await downloadF32(kit.gpu, dLogits)).filter(isIgnored);
        expect(ignored.every((g) => g === 0)).toBe(true);
      });
    }

    for (const dtype of ['f32', 'f16'] as const)
      test.each<[string, number[], diceCrossEntropy.Regions]>([
        ['nested', [2, 9, 11, 13, 3], [[1, 2, 3], [2, 3], [3]]],
        ['apart and one alone', [1, 5, 7, 9, 2], [[2], [1, 4]]],
      ])(`${dtype} regions, %s, with truth, pseudo-labels and ignored voxels`, async (_, shape, regions) => {
        const logits = kit.peaky(shape, dtype);
        const C = shape[4]!;
        const labels = Uint8Array.from({ length: logits.data.length / C }, () => {
          const label = Math.floor(kit.random() * 5) % (1 + Math.max(...regions.flat()));
          return [label, label, label | PSEUDO, IGNORED][Math.floor(kit.random() * 4)]!;
        });
        const scale = dtype === 'f16' ? labels.length : 1;
        const call = { dtype, scale, pseudoWeight: WEIGHT, regions };
        const { loss, dLogits } = await learned(logits, labels, call);
        expect(relativeError(loss, twin.forward(logits, labels, WEIGHT, regions))).toBeLessThan(1e-5);
        await kit.expectClose(dLogits, twin.backward(logits, labels, scale, WEIGHT, regions));
        // Without weights targets are plain.
        const plain = labels.map((label) => (label === IGNORED ? 0 : label & ~PSEUDO));
        const same = await learned(logits, plain, { dtype, scale, regions });
        expect(relativeError(same.loss, twin.forward(logits, plain, undefined, regions))).toBeLessThan(1e-5);
        await kit.expectClose(same.dLogits, twin.backward(logits, plain, scale, undefined, regions));
      });

    test('pseudo-labels of weight 1 are as good as the truth, to the bit', async () => {
      const logits = kit.peaky([2, 9, 11, 13, 14]);
      const labels = Uint8Array.from({ length: 2574 }, () => Math.floor(kit.random() * 14));
      const coded = labels.map((label, i) => (i % 3 ? label | PSEUDO : label));
      const plain = await learned(logits, labels, {});
      const same = await learned(logits, coded, { pseudoWeight: 1 });
      expect(same.loss).toEqual(plain.loss);
      expect(await downloadF32(kit.gpu, same.dLogits)).toEqual(await downloadF32(kit.gpu, plain.dLogits));
    });

    test('a target that is ignored whole teaches nothing', async () => {
      const logits = kit.peaky([1, 3, 5, 7, 3]);
      const { loss, dLogits } = await learned(logits, new Uint8Array(105).fill(IGNORED), { pseudoWeight: 1 });
      expect(Array.from(loss)).toEqual([0, 0, 0]);
      expect((await downloadF32(kit.gpu, dLogits)).every((g) => g === 0)).toBe(true);
    });

    test('the twin agrees with central differences, with weights and without', () => {
      const logits = kit.peaky([2, 2, 2, 3, 4]);
      const labels = Array.from({ length: 24 }, (_, i) => i % 3);
      expectGradient(kit, logits, (z) => twin.forward(z, labels)[0], twin.backward(logits, labels, 1));
      const coded = labels.map((label, i) => [label, label | PSEUDO, IGNORED, label][i % 4]!);
      const gradient = twin.backward(logits, coded, 1, WEIGHT);
      expectGradient(kit, logits, (z) => twin.forward(z, coded, WEIGHT)[0], gradient);
      const regions = [[1, 2, 3], [2], [3, 1], [1]];
      const ofRegions = twin.backward(logits, coded, 1, WEIGHT, regions);
      expectGradient(kit, logits, (z) => twin.forward(z, coded, WEIGHT, regions)[0], ofRegions);
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
