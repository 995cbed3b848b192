/** What the service promises, whatever it runs on. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { concatenate, niftiHeader } from '@organseg/core/volume/niftiFixture.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { shared } from '../../../test/cli.ts';
import { Client, challengeWith, type Json } from './client.ts';
import { log, mask, SHAPE, zip } from './masks.ts';
import type { Server, Settings } from './servers.ts';

/** Limits so small that the tests run into them. */
export const SETTINGS: Settings = {
  EVALUATOR_MAX_BODY_BYTES: '4000000',
  EVALUATOR_MAX_MASK_BYTES: '2000000',
  EVALUATOR_MAX_DECOMPRESSED_BYTES: '20000000',
  EVALUATOR_MAX_VOXELS: '4000000',
  EVALUATOR_MAX_ZIP_ENTRIES: '20',
  EVALUATOR_MAX_LOG_BYTES: '100000',
  EVALUATOR_MAX_DISTANCE_VOXELS: '1000000',
};

export function contract(start: (settings: Settings) => Promise<Server>): void {
  let server: Server;
  let owner: Client;
  let anyone: Client;

  beforeAll(async () => {
    server = await start(SETTINGS);
    anyone = new Client(server);
    owner = anyone.as(server.ownerKey);
  });
  afterAll(() => server?.close());

  const problem = (status: number, detail: string | RegExp) => ({
    status,
    body: { status, type: 'about:blank', detail: expect.stringMatching(detail) },
  });

  describe('POST /v1/score', () => {
    test('scores, and measures what is asked for', async () => {
      const same = await anyone.score({ reference: mask(), prediction: mask() });
      expect(same.status).toBe(200);
      expect(same.body).toMatchObject({ rules: 'flare22', mean: { dsc: 1, nsd: 1 } });
      expect(Object.keys(same.body.organs)).toHaveLength(13);
      const moved = await anyone.score({
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
      const { body } = await anyone.score({
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
      const { body } = await anyone.score({
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
      expect(await anyone.score(files)).toMatchObject(problem(status, detail));
    });

    test('refuses what is no form, and a form that breaks off', async () => {
      expect(await anyone.post('/v1/score', {})).toMatchObject(problem(415, /expected multipart\/form-data/));
      const broken = await anyone.call(
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
        const { status, body } = await anyone.score({ reference: bytes, prediction: bytes });
        // Most of the sound ones are CTs: no label maps.
        expect(valid ? [200, 422] : [413, 422], name).toContain(status);
        if (status !== 200) expect(body.detail, name).toMatch(/^reference .*[^\s]$/);
      }
    });
  });

  describe('a challenge', () => {
    test('from its creation to the leaderboard', async () => {
      const { id, organiser, team } = await challengeWith(owner, {
        one: mask(),
        two: mask(2),
        three: mask(),
      });
      const [better, worse] = [await team('Better'), await team('Worse, "second"')];
      expect((await better.client.get(`/v1/challenges/${id}/cases`)).body).toMatchObject([
        { name: 'one', shape: SHAPE },
        { name: 'three' },
        { name: 'two' },
      ]);

      const packed = await zip({
        'masks/one.nii.gz': mask(),
        'masks/two.nii.gz': mask(2),
        'masks/three.nii.gz': mask(1),
        'logs/one.jsonl': log(10),
        '__MACOSX/._one.nii.gz': 'clutter',
        // As organseg and nnU-Net write them beside their masks.
        'masks/report.json': '{}',
        'masks/one_probabilities.nii': new Uint8Array(3_000_000),
        'masks/postprocessing.pkl': 'x',
      });
      const passedOver = ['report.json', 'one_probabilities.nii', 'postprocessing.pkl'].map(
        (name) => `masks/${name}`,
      );
      const accepted = await better.client.submit(id, packed);
      expect(accepted).toMatchObject({
        status: 202,
        body: { team: 'Better', progress: { total: 3 }, passedOver },
      });
      expect((await better.client.get(`/v1/submissions/${accepted.body.id}`)).body.passedOver).toEqual(
        passedOver,
      );
      expect(accepted.headers.get('location')).toBe(`/v1/submissions/${accepted.body.id}`);
      const events = await better.client.watch(accepted.body.id);
      expect(events.at(-1)).toMatchObject({
        event: 'scored',
        data: { state: 'scored', progress: { done: 3, total: 3 } },
      });

      const opened = await worse.client.post(`/v1/challenges/${id}/submissions/open`);
      expect(opened).toMatchObject({ status: 201, body: { state: 'receiving' } });
      const path = `/v1/submissions/${opened.body.id}`;
      expect(await worse.client.put(`${path}/cases/one`, mask(3))).toMatchObject({ status: 201 });
      expect(await worse.client.put(`${path}/cases/one`, mask(2))).toMatchObject({ status: 201 });
      expect(await worse.client.put(`${path}/cases/one/efficiency`, log(20))).toMatchObject({
        status: 201,
        body: { source: 'claimed', efficiency: { timeS: 20, peakGpuMemoryMb: 3000 } },
      });
      expect(await worse.client.call('POST', `${path}/complete`)).toMatchObject({ status: 202 });
      await worse.client.watch(opened.body.id);

      const { body: seen } = await worse.client.get(path);
      expect(seen).toMatchObject({ state: 'scored', missing: ['three', 'two'] });
      expect(seen.cases[0]).toMatchObject({
        name: 'one',
        state: 'scored',
        efficiency: { claimed: { timeS: 20 } },
      });
      expect(seen.cases[0].scores.organs.Liver.dsc).toBe(0.5);
      expect(seen.cases[1]).toMatchObject({ state: 'missing', scores: { mean: { dsc: 0, nsd: 0 } } });
      expect(seen.mean.dsc).toBeCloseTo(seen.cases[0].scores.mean.dsc / 3, 12);

      const board = `/v1/challenges/${id}/leaderboard`;
      const { body: ranked } = await anyone.get(board);
      expect(ranked.entries).toMatchObject([
        { rank: 1, rankInterval: [1, 1], team: 'Better', score: 1, logs: 0, efficiency: null },
        { rank: 2, team: 'Worse, "second"', score: 2, missing: 2 },
      ]);
      const { body: claimed } = await anyone.get(`${board}?efficiency=claimed`);
      expect(claimed.entries[0]).toMatchObject({ team: 'Better', logs: 1, efficiency: { timeS: 10 } });
      // What the organiser measures is a ranking of its own.
      expect(await organiser.put(`${path}/cases/one/efficiency`, '{"stuck":true}')).toMatchObject({
        status: 201,
        body: { source: 'measured', efficiency: { isStuck: true, timeS: 3600 } },
      });
      const { body: measured } = await anyone.get(`${board}?efficiency=measured`);
      expect(measured.entries[1]).toMatchObject({ logs: 1, stuck: 1, mean: { dsc: 0 } });
      expect((await anyone.get(`${board}?efficiency=claimed`)).body).toEqual(claimed);

      const csv = await anyone.get(`${board}.csv?efficiency=claimed`);
      expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
      const [heading, first, second] = csv.text.split('\r\n');
      expect(heading).toMatch(/^rank,rank_low,rank_high,team,/);
      expect(first).toMatch(/^1,1,1,Better,1\.1666/);
      expect(second).toMatch(/^2,2,2,"Worse, ""second""",/);

      const results = await organiser.get(`/v1/challenges/${id}/results`);
      expect(results.headers.get('content-disposition')).toBe('attachment; filename="Abdomen-results.json"');
      expect(results.body).toEqual([
        (await organiser.get(path)).body,
        (await organiser.get(`/v1/submissions/${accepted.body.id}`)).body,
      ]);
      const table = (await organiser.get(`/v1/challenges/${id}/results.csv`)).text.trimEnd().split('\r\n');
      expect(table).toHaveLength(1 + 2 * 3);
      expect(table[0]).toMatch(/,case,state,error,dsc,nsd,Liver_dsc,Liver_nsd,/);
      expect(table[1]).toContain(`${opened.body.id},"Worse, ""second""",scored,`);
      expect(table[1]).toMatch(/,one,scored,,0\.\d+,0\.\d+,0\.5,.*,1,3600,.*,0,20,3000,/);
      expect(table[2]).toMatch(/,three,missing,,0,0,0,0,.*,,,,,,,,,,,,$/);
    });

    test('loses a case that its organiser removes, until the first submission', async () => {
      const { id, organiser, team } = await challengeWith(owner, { one: mask(), two: mask() });
      const cases = `/v1/challenges/${id}/cases`;
      expect(await organiser.call('DELETE', `${cases}/two`)).toMatchObject({ status: 204 });
      expect(await organiser.call('DELETE', `${cases}/two`)).toMatchObject(problem(404, /has no case two$/));
      expect((await organiser.get(cases)).body).toMatchObject([{ name: 'one' }]);
      const { client } = await team('A');
      await client.post(`/v1/challenges/${id}/submissions/open`);
      const late = organiser.call('DELETE', `${cases}/one`);
      expect(await late).toMatchObject(problem(409, /its references stay as they are$/));
      expect((await organiser.get(cases)).body).toMatchObject([{ name: 'one' }]);
    });

    test('keeps what is complete, and its references', async () => {
      const { id, organiser, team } = await challengeWith(owner, { one: mask() });
      const { client } = await team('A');
      const opened = await client.post(`/v1/challenges/${id}/submissions/open`);
      const path = `/v1/submissions/${opened.body.id}`;
      expect(await client.call('POST', `${path}/complete`)).toMatchObject(problem(422, /holds no mask/));
      await client.put(`${path}/cases/one`, mask());
      await client.call('POST', `${path}/complete`);
      await client.watch(opened.body.id);
      expect(await client.put(`${path}/cases/one`, mask(1))).toMatchObject(problem(409, /is complete/));
      expect(await client.put(`${path}/cases/one/efficiency`, log(1))).toMatchObject(
        problem(409, /is complete/),
      );
      expect(await client.call('POST', `${path}/complete`)).toMatchObject(
        problem(409, /is complete already/),
      );
      expect(await client.call('DELETE', path)).toMatchObject(problem(409, /is complete/));
      expect((await client.get(path)).body.mean).toEqual({ dsc: 1, nsd: 1 });
      const late = organiser.put(`/v1/challenges/${id}/cases/one`, mask(1));
      expect(await late).toMatchObject(problem(409, /its references stay as they are/));
    });

    test('refuses a zip whole, with the first fault, and counts it not', async () => {
      const { id, team } = await challengeWith(owner, { one: mask(), two: mask() }, { submissionsPerDay: 1 });
      const { client } = await team('A');
      const entries = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`c${i}.txt`, 'x']));
      const refused: [Uint8Array<ArrayBuffer>, number, RegExp][] = [
        [
          await zip({ 'one.nii.gz': mask(), 'six.nii.gz': mask() }),
          422,
          /^six\.nii\.gz: Abdomen has no case six$/,
        ],
        [await zip({ 'a/one.nii.gz': mask(), 'b/one.nii': mask() }), 422, /two files of one case$/],
        [await zip({ 'one.nii.gz': mask(), 'two.nii.gz': mask(0, 14) }), 422, /^two: voxel .* is 14;/],
        [await zip({ 'one.nii.gz': mask(), 'two.hdr': 'x' }), 422, /^two\.hdr: expected CASE\.nii\.gz/],
        [
          await zip({ 'one.nii.gz': mask(), 'run.jsonl': log(1) }),
          422,
          /^run\.jsonl: Abdomen has no case run$/,
        ],
        [
          await zip({ 'one.nii.gz': mask(), 'six_probabilities.nii': 'x' }),
          422,
          /^six_probabilities\.nii: Abdomen has no case six_probabilities$/,
        ],
        [
          await zip(
            Object.fromEntries(['zip', 'mha', 'a', 'b', 'c', 'd', 'e'].map((end) => [`one.${end}`, 'x'])),
          ),
          422,
          /^the zip holds no mask CASE\.nii\.gz or CASE\.nii; passed over: one\.zip, .*, one\.c and 2 more$/,
        ],
        [await zip({}), 422, /^the zip holds no mask CASE\.nii\.gz or CASE\.nii$/],
        [await zip({ '/one.nii.gz': mask() }), 422, /^\/one\.nii\.gz: not a plain relative file name$/],
        [
          await zip({ 'one.nii.gz': mask(), 'a/../report.json': '{}' }),
          422,
          /not a plain relative file name$/,
        ],
        [await zip({ 'one.nii.gz': mask(), 'ONE.nii.gz': mask() }), 422, /has no case ONE$/],
        [await zip({ 'one.nii.gz': mask(), 'one.jsonl': '{"t":0}' }), 422, /^one: line 1: gpuMemoryMb: /],
        [await zip({ 'one.nii.gz': mask(), 'one.jsonl': log(300) }), 413, /more than 100000 bytes$/],
        [await zip({ 'one.jsonl': log(1) }), 422, /holds no mask/],
        [await zip({ '../one.nii.gz': mask() }), 422, /^\.\.\/one\.nii\.gz: not a plain relative file name$/],
        [await zip({ 'a\\..\\one.nii.gz': mask() }), 422, /^a.*: not a plain relative file name$/],
        [await zip(entries), 413, /more than 20 entries/],
        [await zip({ 'one.nii.gz': new Uint8Array(3_000_000) }), 413, /unpacks to more than 2000000 bytes/],
        [lzma(await zip({ 'one.nii.gz': mask() })), 422, /^one\.nii\.gz: is packed by zip's method 14;/],
        [await zip({ 'one.nii.gz': gzipBomb() }), 422, /holds more than the 7680 bytes of voxels/],
        [Uint8Array.from({ length: 500 }, (_, i) => i), 422, /^the zip is broken: /],
        [(await zip({ 'one.nii.gz': mask() })).slice(0, 200), 422, /^the zip is broken: /],
        [new Uint8Array(), 422, /^the zip is broken: /],
      ];
      for (const [bytes, status, detail] of refused) {
        expect(await client.submit(id, bytes)).toMatchObject(problem(status, detail));
      }
      const body = new Uint8Array(4_000_001);
      expect(await client.submit(id, body)).toMatchObject(problem(413, /more than 4000000 bytes/));
      const plain = await client.call('POST', `/v1/challenges/${id}/submissions`, 'x', 'text/plain');
      expect(plain).toMatchObject(problem(415, /is text\/plain; expected application\/zip/));
      expect((await client.get(`/v1/challenges/${id}/submissions`)).body).toEqual([]);

      expect(await client.submit(id, await zip({ 'one.nii.gz': mask() }))).toMatchObject({ status: 202 });
      const second = await client.submit(id, await zip({ 'one.nii.gz': mask() }));
      expect(second).toMatchObject(problem(429, /^A has used up the 1 submissions of today/));
      expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    });

    test('ends at its deadline', async () => {
      const { id, organiser, team } = await challengeWith(
        owner,
        { one: mask() },
        { deadline: '2020-01-01T00:00:00Z' },
      );
      const { client } = await team('A');
      const packed = await zip({ 'one.nii.gz': mask() });
      expect(await client.submit(id, packed)).toMatchObject(
        problem(403, /^the deadline of Abdomen was 2020-01-01/),
      );
      const change = JSON.stringify({ name: ' Abdomen 2 ', deadline: '2999-01-01T00:00:00+02:00' });
      expect(await organiser.call('PATCH', `/v1/challenges/${id}`, change, 'application/json')).toMatchObject(
        {
          status: 200,
          body: { name: 'Abdomen 2', deadline: '2998-12-31T22:00:00.000Z', submissionsPerDay: 5 },
        },
      );
      expect(await client.submit(id, packed)).toMatchObject({ status: 202 });

      // One that was opened in time must be completed in time.
      const opened = await client.post(`/v1/challenges/${id}/submissions/open`);
      await client.put(`/v1/submissions/${opened.body.id}/cases/one`, mask());
      const over = JSON.stringify({ deadline: '2020-01-01T00:00:00Z' });
      await organiser.call('PATCH', `/v1/challenges/${id}`, over, 'application/json');
      const late = await client.call('POST', `/v1/submissions/${opened.body.id}/complete`);
      expect(late).toMatchObject(problem(403, /^the deadline of Abdomen 2 was/));
    });

    test('has organs and tolerances of its own', async () => {
      const organs = [
        { id: 2, name: 'Right kidney', toleranceMm: 1 },
        { id: 40, name: 'Tumour', toleranceMm: 2 },
      ];
      const two = mask(0, 0, {
        values: Array.from({ length: 7680 }, (_, i) => (i % 3 === 0 ? 2 : i % 5 ? 0 : 40)),
      });
      const { id, team } = await challengeWith(owner, { one: two }, { organs, rules: 'plain' });
      const { client } = await team('A');
      const accepted = await client.submit(id, await zip({ 'one.nii.gz': two }));
      await client.watch(accepted.body.id);
      expect((await client.get(`/v1/submissions/${accepted.body.id}`)).body.organs).toEqual({
        'Right kidney': { dsc: 1, nsd: 1 },
        Tumour: { dsc: 1, nsd: 1 },
      });
      const liver = await client.submit(id, await zip({ 'one.nii.gz': mask() }));
      expect(liver).toMatchObject(problem(422, /is 1; labels are 0, 2, 40$/));
    });

    test.each<[string, object, RegExp]>([
      ['no name', {}, /^name: /],
      ['an unknown setting', { name: 'A', colour: 'red' }, /colour/],
      ['two organs of one id', { name: 'A', organs: [organ(1, 'a'), organ(1, 'b')] }, /two organs of one id/],
      ['a label that does not fit into a byte', { name: 'A', organs: [organ(256, 'a')] }, /^organs\.0\.id: /],
      ['a deadline that is no time', { name: 'A', deadline: 'soon' }, /^deadline: /],
      [
        'a deadline beyond the years that compare as text',
        { name: 'A', deadline: '9999-12-31T23:59:59-14:00' },
        /^deadline: expected a year of four digits in UTC/,
      ],
    ])('is not made with %s', async (_, settings, detail) => {
      expect(await owner.post('/v1/challenges', settings)).toMatchObject(problem(422, detail));
    });

    test('refuses a body that is no JSON', async () => {
      const answer = await owner.call('POST', '/v1/challenges', '{"name":', 'application/json');
      expect(answer).toMatchObject(problem(400, /JSON/));
    });
  });

  describe('who may call', () => {
    /** Callers besides the author: without a key, with one that does not count, of another challenge or team. */
    const CALLERS = [
      'none',
      'wrong',
      'revoked',
      'expired',
      'otherOrganiser',
      'otherSubmitter',
      'otherTeam',
    ] as const;

    test('no route lets in who may not', async () => {
      const here = await challengeWith(owner, { one: mask() });
      const elsewhere = await challengeWith(owner, { one: mask() });
      const author = await here.team('A');
      const opened = await author.client.post(`/v1/challenges/${here.id}/submissions/open`);
      const [revoked, expired] = [
        await here.team('A'),
        await here.team('A', { expiresAt: '2020-01-01T00:00:00Z' }),
      ];
      const gone = `/v1/challenges/${here.id}/keys/${revoked.keyId}`;
      expect(await here.organiser.call('DELETE', gone)).toMatchObject({ status: 204 });
      const keys: Record<(typeof CALLERS)[number], string | undefined> = {
        none: undefined,
        wrong: author.client.key!.replace(/.{4}$/, (end) => (end === 'AAAA' ? 'BBBB' : 'AAAA')),
        revoked: revoked.client.key,
        expired: expired.client.key,
        otherOrganiser: elsewhere.organiser.key,
        otherSubmitter: (await elsewhere.team('A')).client.key,
        otherTeam: (await here.team('B')).client.key,
      };
      const outsiders = {
        anyone: 200,
        owner: 403,
        organiser: 403,
        member: 403,
        submitter: 403,
        team: 404,
        author: 404,
      };

      const { body: description } = await anyone.get('/openapi.json');
      const routes = Object.entries<Json>(description.paths).flatMap(([path, methods]) =>
        Object.entries<Json>(methods).map(([method, each]) => ({ path, method, access: each['x-access'] })),
      );
      expect(routes.length).toBeGreaterThan(18);
      for (const { path, method, access } of routes) {
        expect(Object.keys(outsiders), `${method} ${path}`).toContain(access);
        const filled = path
          .replace('{challenge}', here.id)
          .replace('{submission}', opened.body.id)
          .replace('{case}', 'one')
          .replace('{key}', author.keyId);
        for (const caller of CALLERS) {
          const { status } = await anyone.as(keys[caller]).call(method.toUpperCase(), filled);
          const isTeammate = caller === 'otherTeam' && ['member', 'submitter'].includes(access);
          const expected = ['wrong', 'revoked', 'expired'].includes(caller)
            ? path === '/health'
              ? 200
              : 401
            : caller === 'none' && access !== 'anyone'
              ? 401
              : outsiders[access as keyof typeof outsiders];
          const what = `${caller}: ${method} ${path}`;
          // Let in, a request without content may still be wrong.
          if (access === 'anyone' && expected !== 401)
            expect(status, what).not.toBeOneOf([401, 403, 404, 500]);
          else if (isTeammate) expect(status, what).not.toBeOneOf([401, 403, 404, 500]);
          else expect(status, what).toBe(expected);
        }
      }
      expect((await author.client.get(`/v1/submissions/${opened.body.id}`)).status).toBe(200);
      expect((await here.organiser.get(`/v1/submissions/${opened.body.id}`)).status).toBe(200);
    });

    test('a reference is given to nobody, and keys are listed without their secrets', async () => {
      const { id, organiser, team } = await challengeWith(owner, { one: mask() });
      await team('A');
      expect((await organiser.get(`/v1/challenges/${id}/cases/one`)).status).toBe(404);
      const { body, text } = await organiser.get(`/v1/challenges/${id}/keys`);
      expect(body).toMatchObject([{ role: 'organiser' }, { role: 'submitter', team: 'A' }]);
      expect(text).not.toMatch(/hash|ose_/);
    });

    test('a caller makes so many requests a minute', async () => {
      const strict = await start({ EVALUATOR_REQUESTS_PER_MINUTE: '1' });
      onTestFinished(() => strict.close());
      const hasty = new Client(strict);
      // Of so many one at least shares its minute with another.
      const answers = await Promise.all(Array.from({ length: 20 }, () => hasty.get('/v1/challenges')));
      const statuses = answers.map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([200, 429]));
      const refused = answers.find(({ status }) => status === 429)!;
      expect(refused).toMatchObject(problem(429, /^too many requests; try again in \d+ s$/));
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await hasty.as(strict.ownerKey).get('/v1/challenges')).status).toBe(200);
    });
  });

  test('describes itself', async () => {
    const { body } = await anyone.get('/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(body.components.schemas.NewChallenge.properties.name).toMatchObject({ maxLength: 100 });
    expect(await anyone.get('/nowhere')).toMatchObject(problem(404, /^there is no GET \/nowhere$/));
    expect((await anyone.get('/health')).body).toEqual({ status: 'ok' });
  });
}

const organ = (id: number, name: string) => ({ id, name, toleranceMm: 1 });

/** A zip of one file that says of itself that it is packed by LZMA. */
function lzma(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const central = Buffer.from(bytes).indexOf('PK\x01\x02', 0, 'latin1');
  bytes[8] = bytes[central + 10] = 14;
  return bytes;
}

/** A sound header, and 30 MB of zeros where it justifies 7680 bytes; 30 kB as it is sent. */
function gzipBomb(): Uint8Array {
  const zeros = new Uint8Array(30_000_000);
  return gzipSync(concatenate(niftiHeader({ shape: SHAPE, datatype: 2, bitpix: 8 }), zeros));
}
