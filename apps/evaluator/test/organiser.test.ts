/** The organisers' pages by plain HTTP, as a browser without scripts speaks it: who may see them, and what they refuse. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, challengeWith } from './client.ts';
import { mask, zip } from './masks.ts';
import { type Server, startNode } from './servers.ts';

let server: Server;
let owner: Client;

beforeAll(async () => {
  server = await startNode({ EVALUATOR_MAX_CASES: '3', EVALUATOR_MAX_MASK_BYTES: '2000000' });
  owner = new Client(server, server.ownerKey);
});
afterAll(() => server?.close());

interface Seen {
  readonly status: number;
  readonly location: string | null;
  readonly text: string;
  readonly headers: Headers;
}

/** A browser that is signed in with a key, or with none. */
function browser(key: string | undefined) {
  const ask = async (path: string, init: RequestInit = {}): Promise<Seen> => {
    const headers = { ...(key !== undefined && { cookie: `organseg_key=${key}` }), origin: server.url };
    const answer = await fetch(server.url + path, { redirect: 'manual', headers, ...init });
    const { status, headers: received } = answer;
    return { status, location: received.get('location'), text: await answer.text(), headers: received };
  };
  return {
    get: (path: string) => ask(path),
    post: (path: string, fields: Record<string, string> = {}) =>
      ask(path, { method: 'POST', body: new URLSearchParams(fields) }),
    upload: (path: string, files: readonly [name: string, bytes: Uint8Array<ArrayBuffer>][]) => {
      const form = new FormData();
      for (const [name, bytes] of files) form.append('files', new Blob([bytes]), name);
      return ask(path, { method: 'POST', body: form });
    },
  };
}

/** The lines of a list in a page. */
const listed = (text: string) =>
  Array.from(text.matchAll(/<li>([^<]*)<\/li>/g), ([, line]) => unescaped(line));
const unescaped = (text: string) => text.replaceAll('&#39;', "'").replaceAll('&quot;', '"');
const hidden = (text: string, name: string) =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? '';
const secretIn = (text: string) => /ose_[0-9a-f]{16}_[\w-]{43}/.exec(text)?.[0];

const SETTINGS = {
  name: 'Made here',
  deadline: '2999-01-31T23:59',
  submissionsPerDay: '3',
  rules: 'plain',
  organs: '1, Liver, 5\r\n\r\n7, Aorta, 2.5, tube\r\n',
};

describe('who may see them', () => {
  test('nobody but the challenge’s organisers and the owner', async () => {
    const here = await challengeWith(owner, { one: mask() });
    const elsewhere = await challengeWith(owner, { one: mask() });
    const team = await here.team('A');
    const revoked = await owner.post(`/v1/challenges/${here.id}/keys`, { role: 'organiser' });
    await here.organiser.call('DELETE', `/v1/challenges/${here.id}/keys/${revoked.body.id}`);
    const expired = await owner.post(`/v1/challenges/${here.id}/keys`, {
      role: 'organiser',
      expiresAt: '2020-01-01T00:00:00Z',
    });
    const root = `/challenges/${here.id}`;
    const pages = ['settings', 'references', 'keys', 'submissions'].map((name) => `${root}/${name}`);
    const asking = [`${root}/references/one/remove`, `${root}/keys/${team.keyId}/revoke`];
    for (const path of [...pages, ...asking, '/new-challenge']) {
      const isOwners = path === '/new-challenge';
      for (const key of [
        team.client.key,
        elsewhere.organiser.key,
        ...(isOwners ? [here.organiser.key] : []),
      ]) {
        expect((await browser(key).get(path)).status, path).toBe(403);
        expect((await browser(key).post(path)).status, path).toBeOneOf([403, 404]);
      }
      for (const key of [undefined, 'ose_wrong', revoked.body.key, expired.body.key]) {
        const seen = await browser(key).get(path);
        expect(seen, path).toMatchObject({
          status: 302,
          location: `/sign-in?to=${encodeURIComponent(path)}`,
        });
        expect((await browser(key).post(path)).status, path).toBeOneOf([401, 404]);
      }
      const mayKey = isOwners ? server.ownerKey : here.organiser.key;
      expect((await browser(mayKey).get(path)).status, path).toBe(200);
      // Another site's form is not followed, whoever is signed in.
      const foreign = { cookie: `organseg_key=${mayKey}`, origin: 'https://elsewhere.example' };
      const body = new URLSearchParams(SETTINGS);
      const sent = await fetch(server.url + path, { method: 'POST', headers: foreign, body });
      expect(sent.status, path).toBeOneOf([403, 404]);
    }
    // All is as it was.
    expect((await here.organiser.get(`/v1/challenges/${here.id}/cases`)).body).toHaveLength(1);
    expect((await here.team('B')).client.key).toBeDefined();
    expect((await team.client.get(`/v1/challenges/${here.id}/cases`)).status).toBe(200);
  });

  test('a case or a key of another challenge is none of theirs', async () => {
    const here = await challengeWith(owner, { one: mask() });
    const elsewhere = await challengeWith(owner, { two: mask() });
    const { keyId } = await elsewhere.team('A');
    const own = browser(here.organiser.key);
    const paths = [`keys/${keyId}/revoke`, 'references/two/remove', 'references/..%2Fone/remove'];
    for (const path of paths) {
      expect((await own.get(`/challenges/${here.id}/${path}`)).status, path).toBe(404);
      expect((await own.post(`/challenges/${here.id}/${path}`)).status, path).toBe(404);
    }
    expect(
      (await elsewhere.organiser.get(`/v1/challenges/${elsewhere.id}/keys`)).body[1].revokedAt,
    ).toBeNull();
  });
});

describe('a challenge', () => {
  test('is created once by a form, however often it is sent', async () => {
    const own = browser(server.ownerKey);
    const id = hidden((await own.get('/new-challenge')).text, 'id');
    const made = await own.post('/new-challenge', { ...SETTINGS, id });
    expect(made).toMatchObject({ status: 303, location: `/challenges/${id}/references` });
    expect((await owner.get(`/v1/challenges/${id}`)).body).toMatchObject({
      name: 'Made here',
      deadline: '2999-01-31T23:59:00.000Z',
      submissionsPerDay: 3,
      rules: 'plain',
      organs: [
        { id: 1, name: 'Liver', toleranceMm: 5, isTube: false },
        { id: 7, name: 'Aorta', toleranceMm: 2.5, isTube: true },
      ],
    });
    const again = await own.post('/new-challenge', { ...SETTINGS, name: 'Another', id });
    expect(again.status).toBe(409);
    expect(again.text).toContain('This form was sent before');
    // What was typed is there, and can be sent in earnest.
    expect(again.text).toContain('value="Another"');
    expect(hidden(again.text, 'id')).not.toBe(id);
    expect((await owner.get(`/v1/challenges/${id}`)).body.name).toBe('Made here');
  });

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['no name', { name: ' ' }, { name: 'expected a name' }],
    ['a long name', { name: 'x'.repeat(101) }, { name: 'expected at most 100 characters' }],
    [
      'no time',
      { deadline: 'soon' },
      { deadline: 'expected a date and a time, such as 2027-01-31T23:59:59Z' },
    ],
    [
      'no number',
      { submissionsPerDay: '1.5' },
      { submissionsPerDay: 'expected a whole number from 1 to 1000' },
    ],
    ['no organ', { organs: '' }, { organs: 'expected an organ at least' }],
    [
      'a line that breaks off, and an empty number',
      { organs: '1, Liver, 5\r\n\r\n2, Spleen', submissionsPerDay: '' },
      {
        submissionsPerDay: 'expected a whole number from 1 to 1000',
        organs: 'line 3: expected label, name, tolerance in mm and, of a tube, the word tube',
      },
    ],
    [
      'a tolerance that is none',
      { organs: '\r\n1, Liver, wide' },
      { organs: 'line 2: tolerance: expected a number above 0, up to 100' },
    ],
    [
      'a label that does not fit into a byte',
      { organs: '1, A, 5\r\n256, B, 5' },
      { organs: 'line 2: label: expected a whole number from 1 to 255' },
    ],
    ['two organs of one label', { organs: '1, A, 5\r\n1, B, 5' }, { organs: 'two organs of one id' }],
  ])(
    'is not created with %s: it says so beside the field, and keeps what was typed',
    async (_, typed, faults) => {
      const own = browser(server.ownerKey);
      const id = crypto.randomUUID();
      const seen = await own.post('/new-challenge', { ...SETTINGS, ...typed, id });
      expect(seen.status).toBe(422);
      const found = Array.from(seen.text.matchAll(/class="fault" id="(\w+)-fault">([^<]*)</g));
      expect(Object.fromEntries(found.map(([, name, fault]) => [name, fault]))).toEqual(faults);
      for (const name of Object.keys(faults))
        expect(seen.text).toMatch(new RegExp(`id="${name}"[^>]* aria-invalid`));
      const { organs, ...fields } = { ...SETTINGS, ...typed };
      expect(seen.text).toContain(`\n${organs}</textarea>`);
      for (const value of [fields.name, fields.deadline, fields.submissionsPerDay]) {
        expect(seen.text).toContain(` value="${value}"`);
      }
      expect(seen.text).toContain('<option selected>plain</option>');
      expect((await owner.get(`/v1/challenges/${id}`)).status).toBe(404);
    },
  );

  test('is changed by two organisers at once, each what they typed', async () => {
    const { id, organiser } = await challengeWith(owner, {}, { deadline: '2030-01-01T00:00:00Z' });
    const own = browser(organiser.key);
    const path = `/challenges/${id}/settings`;
    const { text } = await own.get(path);
    const before = ['name', 'deadline', 'submissionsPerDay'].map((name) => [
      name,
      hidden(text, `before-${name}`),
    ]);
    expect(before).toEqual([
      ['name', 'Abdomen'],
      ['deadline', '2030-01-01T00:00'],
      ['submissionsPerDay', '5'],
    ]);
    const opened = Object.fromEntries(
      before.flatMap(([name, value]) => [
        [name, value],
        [`before-${name}`, value],
      ]),
    );
    expect(await own.post(path, { ...opened, deadline: '' })).toMatchObject({ status: 303 });
    expect(
      await own.post(path, { ...opened, submissionsPerDay: '9', name: 'Abdomen & pelvis' }),
    ).toMatchObject({
      status: 303,
    });
    const now = { name: 'Abdomen & pelvis', deadline: null, submissionsPerDay: 9 };
    expect((await owner.get(`/v1/challenges/${id}`)).body).toMatchObject(now);
    const refused = await own.post(path, { ...opened, submissionsPerDay: '0', name: 'Other' });
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('value="Other"');
    expect((await owner.get(`/v1/challenges/${id}`)).body).toMatchObject(now);
  });

  test('has its organs corrected until the first reference is there', async () => {
    const { id, organiser } = await challengeWith(owner, {});
    const own = browser(organiser.key);
    const path = `/challenges/${id}/settings`;
    const opened = { organs: '1, Livr, 5', 'before-organs': '1, Livr, 5' };
    const wrong = await own.post(path, { ...opened, organs: '1, Liver' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('line 1: expected label, name, tolerance');
    expect(await own.post(path, { ...opened, organs: '1, Liver, 5' })).toMatchObject({ status: 303 });
    const liver = [{ id: 1, name: 'Liver', toleranceMm: 5, isTube: false }];
    expect((await owner.get(`/v1/challenges/${id}`)).body.organs).toEqual(liver);
    await organiser.put(`/v1/challenges/${id}/cases/one`, mask(0, 1));
    const late = await own.post(path, { ...opened, organs: '2, Spleen, 5', name: 'New', 'before-name': '' });
    expect(late.status).toBe(422);
    expect(late.text).toContain('<b>Nothing was changed.</b> Abdomen has references now');
    expect((await own.get(path)).text).not.toContain('<textarea');
    const change = JSON.stringify({ organs: [{ id: 2, name: 'Spleen', toleranceMm: 5 }] });
    const asked = await organiser.call('PATCH', `/v1/challenges/${id}`, change, 'application/json');
    expect(asked.status).toBe(409);
    expect((await owner.get(`/v1/challenges/${id}`)).body).toMatchObject({ name: 'Abdomen', organs: liver });
  });

  test('is deleted by the owner, who types its name and knows its submissions', async () => {
    const { id, organiser, team } = await challengeWith(owner, { one: mask() });
    const { client } = await team('A');
    const path = `/challenges/${id}/delete`;
    expect((await browser(organiser.key).post(path, { name: 'Abdomen', submissions: '0' })).status).toBe(403);
    const own = browser(server.ownerKey);
    const asked = await own.get(path);
    expect(asked.text).toMatch(/1 reference<.*2 keys<.*no submissions</s);
    const other = await own.post(path, { name: 'Pelvis', submissions: '0' });
    expect(other.status).toBe(422);
    expect(other.text).toContain('expected Abdomen');
    // A submission that came after the page was shown is not lost with it.
    const sent = await client.submit(id, await zip({ 'one.nii.gz': mask() }));
    await client.watch(sent.body.id);
    const late = await own.post(path, { name: 'Abdomen', submissions: hidden(asked.text, 'submissions') });
    expect(late.status).toBe(409);
    expect(late.text).toContain('Abdomen has 1 submission, not 0; nothing was deleted');
    expect(late.text).toContain('1 submission of 1 team');
    expect((await client.get(`/v1/submissions/${sent.body.id}`)).body.state).toBe('scored');
    const known = { name: ' Abdomen ', submissions: hidden(late.text, 'submissions') };
    expect(await own.post(path, known)).toMatchObject({ status: 303, location: '/' });
    expect((await owner.get(`/v1/challenges/${id}`)).status).toBe(404);
    expect((await owner.get(`/v1/submissions/${sent.body.id}`)).status).toBe(404);
    expect((await client.get('/v1/challenges')).status).toBe(401);
    expect((await own.post(path, known)).status).toBe(404);
  });
});

describe('references', () => {
  test('are taken file by file: what is wrong is named, the others are kept', async () => {
    const { id, organiser } = await challengeWith(owner, { one: mask() });
    const own = browser(organiser.key);
    const path = `/challenges/${id}/references`;
    const seen = await own.upload(path, [
      ['one.nii.gz', mask(1)],
      ['broken.nii.gz', mask().slice(0, 100)],
      ['case 2.nii.gz', mask()],
      ['report.json', new TextEncoder().encode('{}')],
      ['huge.nii', new Uint8Array(2_000_001)],
      ['..\\..\\two.nii.gz', mask()],
      ['../two.nii.gz', mask()],
      [`${'x'.repeat(101)}.nii.gz`, mask()],
      [`${'y'.repeat(400)}.nii.gz`, mask()],
      ['<b>.nii', mask()],
      ['.DS_Store', new Uint8Array(10)],
      ['other.nii.gz', mask(0, 14)],
      ['folder/two.nii.gz', mask()],
      ['two.nii', mask()],
      ['three.nii.gz', mask()],
      ['four.nii.gz', mask()],
    ]);
    expect(seen.status).toBe(422);
    const lines = listed(seen.text.replaceAll('&lt;', '‹').replaceAll('&gt;', '›'));
    expect(lines).toEqual([
      'broken.nii.gz: the gzip stream is cut short',
      'case 2.nii.gz: a case’s name is 1 to 100 letters, digits, dots, dashes and underscores',
      'report.json: expected CASE.nii.gz or CASE.nii',
      'huge.nii: has more than 2000000 bytes',
      '..\\\\..\\\\two.nii.gz: not a plain relative file name',
      '../two.nii.gz: not a plain relative file name',
      expect.stringMatching(/^x{100}: a case’s name is 1 to 100 letters/),
      expect.stringMatching(/^y{100}: not a plain relative file name$/),
      '‹b›.nii: a case’s name is 1 to 100 letters, digits, dots, dashes and underscores',
      expect.stringMatching(/^other\.nii\.gz: voxel .* is 14; labels are/),
      'two.nii and folder/two.nii.gz: two files of one case',
      'four.nii.gz: a challenge has at most 3 cases',
    ]);
    expect(seen.text).toContain('<b>3 files stored:</b> one, two, three; one in place of the one before');
    const cases = (await organiser.get(`/v1/challenges/${id}/cases`)).body;
    expect(cases.map(({ name }: { name: string }) => name)).toEqual(['one', 'three', 'two']);
  });

  test('that were received before a form breaks off stay, and it says so', async () => {
    const { id, organiser } = await challengeWith(owner, {});
    const part = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="files"; filename="${name}"\r\n\r\n`;
    const body = Buffer.concat([
      Buffer.from(part('one.nii.gz')),
      mask(),
      Buffer.from(`\r\n${part('two.nii.gz')}`),
      mask(),
    ]);
    const answer = await fetch(`${server.url}/challenges/${id}/references`, {
      method: 'POST',
      headers: {
        cookie: `organseg_key=${organiser.key}`,
        origin: server.url,
        'content-type': 'multipart/form-data; boundary=b',
      },
      body,
    });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain('<b>1 file stored:</b> one');
    expect(text).toMatch(/<li>two\.nii\.gz: the form is broken .*<\/li>/);
    expect(text).toMatch(/<b>The upload broke off\.<\/b> the form is broken/);
    expect((await organiser.get(`/v1/challenges/${id}/cases`)).body).toHaveLength(1);
  });

  test('are removed where that is confirmed, and stay from the first submission on', async () => {
    const { id, organiser, team } = await challengeWith(owner, { one: mask(), two: mask() });
    const own = browser(organiser.key);
    const path = `/challenges/${id}/references`;
    expect((await own.upload(path, [])).text).toContain('no file was chosen');
    expect(await own.post(`${path}/two/remove`)).toMatchObject({ status: 303, location: path });
    // Sent again, it finds nothing to remove.
    expect((await own.post(`${path}/two/remove`)).status).toBe(404);
    const { client } = await team('A');
    await client.post(`/v1/challenges/${id}/submissions/open`);
    const late = await own.post(`${path}/one/remove`);
    expect(late.status).toBe(409);
    expect(late.text).toContain('its references stay as they are');
    const sent = await own.upload(path, [['one.nii.gz', mask(1)]]);
    expect(listed(sent.text)).toContain(
      'one.nii.gz: Abdomen has submissions: its references stay as they are',
    );
    expect((await own.get(path)).text).not.toContain('type="file"');
    expect((await organiser.get(`/v1/challenges/${id}/cases`)).body).toHaveLength(1);
  });
});

describe('keys', () => {
  test('are issued once by a form, shown that once, and listed', async () => {
    const { id, organiser } = await challengeWith(owner, { one: mask() });
    const own = browser(organiser.key);
    const path = `/challenges/${id}/keys`;
    const form = { role: 'submitter', team: '"Red" <team>', expiresAt: '2999-01-31T23:59', id: '' };
    form.id = hidden((await own.get(path)).text, 'id');
    const issued = await own.post(path, form);
    expect(issued.status).toBe(200);
    expect(issued.headers.get('cache-control')).toBe('no-store');
    const key = secretIn(issued.text)!;
    expect((await owner.as(key).get(`/v1/challenges/${id}/submissions`)).status).toBe(200);
    const again = await own.post(path, form);
    expect(again.status).toBe(409);
    expect(again.text).toContain('This form was sent before');
    expect(secretIn(again.text)).toBeUndefined();
    const { body: keys } = await organiser.get(`/v1/challenges/${id}/keys`);
    expect(keys).toMatchObject([
      { role: 'organiser' },
      { role: 'submitter', team: '"Red" <team>', expiresAt: '2999-01-31T23:59:00.000Z' },
    ]);
    const list = await own.get(path);
    expect(secretIn(list.text)).toBeUndefined();
    expect(list.text).toContain('&quot;Red&quot; &lt;team&gt;');

    const organisers = await own.post(path, { ...form, role: 'organiser', id: hidden(again.text, 'id') });
    const second = secretIn(organisers.text)!;
    expect((await browser(second).get(path)).status).toBe(200);
  });

  test('are not issued to nobody, for no time, or for another role', async () => {
    const { id, organiser } = await challengeWith(owner, {});
    const own = browser(organiser.key);
    const path = `/challenges/${id}/keys`;
    const form = { role: 'submitter', team: ' ', expiresAt: 'never', id: '0123456789abcdef' };
    const refused = await own.post(path, form);
    expect(refused.status).toBe(422);
    expect(refused.text).toMatch(/id="team-fault">expected a name</);
    expect(refused.text).toMatch(/id="expiresAt-fault">expected a date and a time/);
    expect(refused.text).toContain('value="never"');
    expect((await own.post(path, { ...form, team: 'A\nB', expiresAt: '' })).text).toMatch(
      /expected no line breaks/,
    );
    expect((await own.post(path, { ...form, role: 'owner' })).status).toBe(422);
    expect((await own.post(path, { role: 'submitter', team: 'A' })).status).toBe(422);
    expect((await own.post(path, { ...form, team: 'x'.repeat(300_000) })).status).toBe(413);
    expect((await organiser.get(`/v1/challenges/${id}/keys`)).body).toHaveLength(1);
  });

  test('are revoked where that is confirmed; whoever revokes their own is signed out', async () => {
    const { id, organiser, team } = await challengeWith(owner, { one: mask() });
    const { client, keyId } = await team('A');
    const own = browser(organiser.key);
    const path = `/challenges/${id}/keys`;
    expect((await own.get(`${path}/${keyId}/revoke`)).text).toContain('Revoke the key of A?');
    expect((await client.get(`/v1/challenges/${id}/cases`)).status).toBe(200);
    for (const _ of ['once', 'and again']) {
      expect(await own.post(`${path}/${keyId}/revoke`)).toMatchObject({ status: 303, location: path });
    }
    expect((await client.get(`/v1/challenges/${id}/cases`)).status).toBe(401);
    const { id: ownId } = (await organiser.get(`/v1${path}`)).body[0];
    expect((await own.get(`${path}/${ownId}/revoke`)).text).toContain('that you are signed in with');
    await own.post(`${path}/${ownId}/revoke`);
    expect((await own.get(path)).location).toMatch(/^\/sign-in/);
  });
});

test('submissions are listed with what they got and what is missing, and their results are downloaded', async () => {
  const { id, organiser, team } = await challengeWith(owner, { one: mask(), two: mask() });
  const { client } = await team('A');
  const own = browser(organiser.key);
  const path = `/challenges/${id}/submissions`;
  expect((await own.get(path)).text).toContain('There is no submission yet.');
  const sent = await client.submit(id, await zip({ 'one.nii.gz': mask() }));
  await client.watch(sent.body.id);
  await client.post(`/v1/challenges/${id}/submissions/open`);
  const { text } = await own.get(path);
  expect(text).toMatch(/>receiving<.*>0 \/ 0<.*>scored<.*>1 \/ 1<.*>0\.5000<.*>0\.5000<.*1 missing/s);
  const [csv, json] = ['.csv', ''].map((ending) => `/v1/challenges/${id}/results${ending}`);
  expect(text).toContain(`href="${csv}"`);
  expect((await own.get(csv)).text.trimEnd().split('\r\n')).toHaveLength(1 + 2 * 2);
  expect(JSON.parse((await own.get(json)).text)).toHaveLength(2);
  // A team sees its own submissions on the challenge's page, and nobody's results.
  expect((await browser(client.key).get(csv)).status).toBe(403);
});

test('measured efficiency is sent file by file, in place of what was there', async () => {
  const { id, organiser, team } = await challengeWith(owner, { one: mask(), two: mask() });
  const { client } = await team('A');
  const sent = await client.submit(id, await zip({ 'one.nii.gz': mask() }));
  const path = `/submissions/${sent.body.id}/efficiency`;
  const log = new TextEncoder().encode(
    '{"t":0,"gpuMemoryMb":9,"cpuPercent":1}\n{"t":1,"gpuMemoryMb":9,"cpuPercent":1}\n',
  );
  const own = browser(organiser.key);
  expect((await browser(client.key).upload(path, [['one.jsonl', log]])).status).toBe(403);
  expect((await own.get(`/submissions/${sent.body.id}`)).text).toContain(`href="${path}"`);
  expect((await own.upload(path, [['one.jsonl', log]])).text).toContain('<b>1 file stored:</b> one</p>');
  const again = await own.upload(path, [
    ['one.jsonl', log],
    ['two.jsonl', log],
    ['three.jsonl', log],
    ['two.txt', log],
  ]);
  expect(again.status).toBe(422);
  expect(listed(again.text)).toEqual([
    'three.jsonl: Abdomen has no case three',
    'two.txt: expected CASE.jsonl',
  ]);
  expect(again.text).toContain('<b>2 files stored:</b> one, two; one in place of the one before');
  await client.watch(sent.body.id);
  const { cases } = (await organiser.get(`/v1/submissions/${sent.body.id}`)).body;
  expect(cases.map((each: { efficiency: object }) => Object.keys(each.efficiency))).toEqual([
    ['measured'],
    ['measured'],
  ]);
});
