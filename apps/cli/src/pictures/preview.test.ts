/** A preview of a case whose name has letters that its font lacks. */
import { expect, test } from 'vitest';
import { previewPng } from './preview.ts';

test('letters that the font lacks become question marks, and marks join their letters', () => {
  const grid = {
    shape: [4, 4, 4] as const,
    affine: new Float64Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
  };
  const picture = (name: string) =>
    previewPng(name, { ...grid, data: new Float32Array(64) }, { ...grid, data: new Uint8Array(64) }, [
      'background',
      'liver',
    ]);
  expect(picture('Übung 漢')).toEqual(picture('Übung ?'));
  expect(picture('U\u0308bung')).toEqual(picture('Übung'));
});
