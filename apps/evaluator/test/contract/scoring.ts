/** The contract: what scores a pair of label maps. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { shared } from '../../../../test/cli.ts';
import { mask } from '../masks.ts';
import { problem, type Service } from './service.ts';

export function scoring(service: Service): void {
  describe('POST /v1/score', () => {
    test('scores, and measures what is asked for', async () => {
      const same = await service.anyone.score({ reference: mask(), prediction: mask() });
      expect(same.status).toBe(200);
      expect(same.body).toMatchObject({ rules: 'flare22', mean: { dsc: 1, nsd: 1 } });
      expect(Object.keys(same.body.organs)).toHaveLength(13);
      const moved = await service.anyone.score({
        metrics: 'hd100,asd,overlap,volumes',
        rules: 'plain',
        reference: mask(),
        prediction: mask(1),
      });
      expect(moved.body.organs.Liver).toMatchObject({
        dsc: 0.75,
        hausdorffMm: 2,
        volumesMl: { reference: (4 * 4 * 9 * 8) / 1000, prediction: (4 * 4 * 9 * 8) / 1000 },
      });
    });

    test('answers null for a distance to an organ that is absent', async () => {
      const { body } = await service.anyone.score({
        reference: mask(0, 5),
        prediction: mask(0, 4),
        metrics: 'hd95,asd',
      });
      expect(body.organs.Aorta).toMatchObject({ dsc: 0, hausdorffMm: null });
      expect(body.organs.Aorta.averageDistanceMm).toEqual({
        referenceToPrediction: null,
        predictionToReference: null,
      });
    });

    test('agrees with the published scores of two label maps of a CT', async (context) => {
      const folder = shared('data/metrics');
      if (!folder) return context.skip('shared/data/metrics is not here');
      const read = (name: string) => Uint8Array.from(readFileSync(`${folder}/${name}`));
      const { upper_abdomen: expected } = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'));
      const { body } = await service.anyone.score({
        reference: read('upper_abdomen_reference.nii.gz'),
        prediction: read('upper_abdomen_prediction.nii.gz'),
      });
      for (const [name, { dsc, nsd }] of Object.entries<{ dsc: number; nsd: number }>(expected.flare22)) {
        expect(Math.abs(body.organs[name].dsc - dsc)).toBeLessThan(1e-9);
        expect(Math.abs(body.organs[name].nsd - nsd)).toBeLessThan(1e-9);
      }
    });

    test.each<[string, Record<string, Uint8Array<ArrayBuffer> | string>, number, RegExp]>([
      ['a missing file', { reference: mask() }, 422, /^the form has no file prediction$/],
      ['another file', { reference: mask(), guess: mask() }, 422, /^guess: expected the files/],
      ['unknown rules', { reference: mask(), prediction: mask(), rules: 'mine' }, 422, /^rules: /],
      ['an unknown metric', { reference: mask(), prediction: mask(), metrics: 'iou' }, 422, /^metrics\.0: /],
      ['an unknown field', { reference: mask(), prediction: mask(), extra: '1' }, 422, /extra/],
      [
        'another shape',
        { reference: mask(), prediction: mask(0, 13, { shape: [24, 20, 15] }) },
        422,
        /^prediction .* has 24×20×15 voxels, its reference .* has 24×20×16 voxels$/,
      ],
      [
        'another affine',
        { reference: mask(), prediction: mask(0, 13, { sform: [2, 0, 0, 9, 0, 2, 0, 5, 0, 0, 2, 30] }) },
        422,
        /^prediction .* has another affine than its reference reference .*: voxels lie up to 19\.0 mm apart$/,
      ],
      [
        'a label outside the table',
        { reference: mask(), prediction: mask(0, 14) },
        422,
        /^prediction .*: voxel \(6, 18, 3\) is 14; labels are whole numbers from 0 to 13$/,
      ],
      [
        'a label that is no whole number',
        {
          reference: mask(),
          prediction: mask(0, 13, { datatype: 16, bitpix: 32, values: Array(7680).fill(0.5) }),
        },
        422,
        /is 0\.5; labels are/,
      ],
      [
        'a size that no CT has',
        { reference: mask(0, 13, { sform: [90, 0, 0, 0, 0, 90, 0, 0, 0, 0, 90, 0] }), prediction: mask() },
        422,
        /^reference .*: voxels of 90 × 90 × 90 mm, expected 0\.05 to 50 mm; the header /,
      ],
      [
        'too many voxels',
        { reference: mask(), prediction: mask(0, 13, { shape: [200, 200, 101], values: [] }) },
        422,
        /has 200×200×101 voxels; at most 4000000 are read$/,
      ],
      [
        'too many unpacked bytes',
        {
          prediction: mask(),
          reference: mask(0, 13, {
            shape: [200, 200, 90],
            datatype: 64,
            bitpix: 64,
            values: new Float64Array(3_600_000),
          }),
        },
        413,
        /unpacks to more than 20000000 bytes$/,
      ],
      ['no NIfTI', { reference: mask(), prediction: new Uint8Array(400) }, 422, /not NIfTI/],
      [
        'too many bytes',
        { reference: mask(), prediction: new Uint8Array(2_000_001) },
        413,
        /more than 2000000 bytes/,
      ],
    ])('refuses %s', async (_, files, status, detail) => {
      expect(await service.anyone.score(files)).toMatchObject(problem(status, detail));
    });

    test('refuses what is no form, and a form that breaks off', async () => {
      expect(await service.anyone.post('/v1/score', {})).toMatchObject(
        problem(415, /expected multipart\/form-data/),
      );
      const broken = await service.anyone.call(
        'POST',
        '/v1/score',
        '--b\r\nContent-Disposition: form-data; name="reference"; filename="a"\r\n\r\nabc',
        'multipart/form-data; boundary=b',
      );
      expect(broken).toMatchObject(problem(400, /the form is broken/));
    });

    const folder = shared('data/nifti');
    const where = folder ? '' : ' (skipped: shared/data/nifti is not here)';
    test.skipIf(!folder)(`takes or refuses odd and hostile files${where}`, async () => {
      const manifest: Record<string, { valid: boolean }> = JSON.parse(
        readFileSync(`${folder}/manifest.json`, 'utf8'),
      );
      const single = Object.entries(manifest).filter(([name]) => name !== 'pair.hdr');
      for (const [name, { valid }] of single) {
        const bytes = Uint8Array.from(readFileSync(`${folder}/${name}`));
        const { status, body } = await service.anyone.score({ reference: bytes, prediction: bytes });
        // Most of the sound ones are CTs: no label maps.
        expect(valid ? [200, 422] : [413, 422], name).toContain(status);
        if (status !== 200) expect(body.detail, name).toMatch(/^reference .*[^\s]$/);
      }
    });
  });
}
