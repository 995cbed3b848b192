/** The contract: a challenge, its references, submissions and results. */
import { gzipSync } from 'node:zlib';
import { concatenate, niftiHeader } from '@organseg/core/volume/niftiFixture.ts';
import { describe, expect, test } from 'vitest';
import { challengeWith } from '../client.ts';
import { log, mask, SHAPE, zip } from '../masks.ts';
import { problem, type Service } from './service.ts';

export function challenges(service: Service): void {
  describe('a challenge', () => {
    test('from its creation to the leaderboard', async () => {
      const { id, organiser, team } = await challengeWith(service.owner, {
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
      const { body: ranked } = await service.anyone.get(board);
      expect(ranked.entries).toMatchObject([
        { rank: 1, rankInterval: [1, 1], team: 'Better', score: 1, logs: 0, efficiency: null },
        { rank: 2, team: 'Worse, "second"', score: 2, missing: 2 },
      ]);
      const { body: claimed } = await service.anyone.get(`${board}?efficiency=claimed`);
      expect(claimed.entries[0]).toMatchObject({ team: 'Better', logs: 1, efficiency: { timeS: 10 } });
      // What the organiser measures is a ranking of its own.
      expect(await organiser.put(`${path}/cases/one/efficiency`, '{"stuck":true}')).toMatchObject({
        status: 201,
        body: { source: 'measured', efficiency: { isStuck: true, timeS: 3600 } },
      });
      const { body: measured } = await service.anyone.get(`${board}?efficiency=measured`);
      expect(measured.entries[1]).toMatchObject({ logs: 1, stuck: 1, mean: { dsc: 0 } });
      expect((await service.anyone.get(`${board}?efficiency=claimed`)).body).toEqual(claimed);

      const csv = await service.anyone.get(`${board}.csv?efficiency=claimed`);
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
      const { id, organiser, team } = await challengeWith(service.owner, { one: mask(), two: mask() });
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
      const { id, organiser, team } = await challengeWith(service.owner, { one: mask() });
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
      const { id, team } = await challengeWith(
        service.owner,
        { one: mask(), two: mask() },
        { submissionsPerDay: 1 },
      );
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
        service.owner,
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
      const { id, team } = await challengeWith(service.owner, { one: two }, { organs, rules: 'plain' });
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
      expect(await service.owner.post('/v1/challenges', settings)).toMatchObject(problem(422, detail));
    });

    test('refuses a body that is no JSON', async () => {
      const answer = await service.owner.call('POST', '/v1/challenges', '{"name":', 'application/json');
      expect(answer).toMatchObject(problem(400, /JSON/));
    });
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
