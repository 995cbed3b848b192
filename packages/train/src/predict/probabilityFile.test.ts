/** Probabilities that a disk has no room for. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/fixture.ts';

test('a file that there is no room for is told by its name, and nothing of it stays', () => {
  const folder = temporaryFolder();
  const source = (path: string) => JSON.stringify(import.meta.resolve(path));
  const code = `
    import { caseGeometry } from ${source('@organseg/core/inference/caseGeometry.ts')};
    import { scaleAndShift } from ${source('@organseg/core/volume/affine.ts')};
    import { spaceOfAffine } from ${source('@organseg/core/volume/niftiSpace.ts')};
    import { ProbabilityFile } from ${source('./probabilityFile.ts')};
    const affine = scaleAndShift([1, 1, 1], [0, 0, 0]);
    const geometry = caseGeometry({ shape: [20, 20, 20], affine }, null, [1, 1, 1]);
    try {
      const form = { scan: geometry.scan, turned: geometry.ras, box: geometry.box, channels: 2, areRegions: false };
      new ProbabilityFile('case_probabilities.nii', form, spaceOfAffine(affine));
    } catch ({ message }) {
      console.log(message);
    }`;
  const shell = ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, '--input-type=module', '--eval'];
  const { stdout, stderr } = spawnSync('sh', [...shell, code], { cwd: folder, encoding: 'utf8' });
  expect(stdout, stderr).toBe('case_probabilities.nii: larger than the file system or a limit allows\n');
  expect(readdirSync(folder)).toEqual([]);
});
