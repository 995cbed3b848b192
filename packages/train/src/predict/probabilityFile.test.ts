/** Probabilities on a full disk. */
import { readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { caseGeometry } from '@organseg/core/inference/caseGeometry.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { scaleAndShift } from '@organseg/core/volume/affine.ts';
import { spaceOfAffine } from '@organseg/core/volume/niftiSpace.ts';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixture.ts';
import { ProbabilityFile } from './probabilityFile.ts';

const AFFINE = scaleAndShift([1, 1, 1], [0, 0, 0]);
const GEOMETRY = caseGeometry({ shape: [2, 2, 2], affine: AFFINE }, null, [1, 1, 1]);

test('a full disk is told with the name of the file, of which nothing stays', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'case_probabilities.nii');
  symlinkSync('/dev/full', `${path}.part`);
  expect(() => new ProbabilityFile(path, GEOMETRY, 2, spaceOfAffine(AFFINE))).toThrow(
    new InputError(`${path}: no space left on the device`),
  );
  expect(readdirSync(folder)).toEqual([]);
});
