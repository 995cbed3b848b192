/** The pages in a real browser: by keyboard, on a phone, without scripts. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrive, expectFits, openPage, PHONE, tabTo } from './browserPage.ts';
import { CHROMIUM_ADVICE, findChromium, launchChromium } from './chromium.ts';
import { Client, challengeWith } from './client.ts';
import { log, mask, zip } from './masks.ts';
import { type Server, startNode } from './servers.ts';

const hasChromium = findChromium() !== undefined;

describe.skipIf(!hasChromium)(`the pages${hasChromium ? '' : ` (skipped: ${CHROMIUM_ADVICE})`}`, () => {
  let server: Server;
  let browser: Browser;
  let challenge: string;
  let submission: string;
  let key: string;
  let zipped: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    server = await startNode();
    browser = await launchChromium();
    const owner = new Client(server, server.ownerKey);
    const names = ['one', 'two', 'three'];
    const made = await challengeWith(owner, Object.fromEntries(names.map((name) => [name, mask()])), {
      name: 'Abdomen <b>2027</b>',
    });
    challenge = made.id;
    const hostile = await made.team('<script>alert(1)</script>');
    zipped = await zip({ 'one.nii.gz': mask(1), 'two.nii.gz': mask(2), 'one.jsonl': log(12) });
    const first = await hostile.client.submit(challenge, zipped);
    await hostile.client.watch(first.body.id);
    const team = await made.team('Keyboard');
    key = team.client.key!;
    const mine = await team.client.submit(challenge, zipped);
    submission = mine.body.id;
    await team.client.watch(submission);
    await made.organiser.put(`/v1/submissions/${submission}/cases/one/efficiency`, log(10));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const open = (options: BrowserContextOptions = {}) => openPage(browser, server, options);

  async function signIn(page: Page): Promise<void> {
    await page.goto('/sign-in');
    await page.getByLabel('Key').fill(key);
    const button = page.getByRole('button', { name: 'Sign in' });
    await arrive(page, `/challenges/${challenge}`, () => button.click());
  }

  const paths = () => [
    '/',
    '/sign-in',
    '/docs',
    `/challenges/${challenge}`,
    `/challenges/${challenge}?efficiency=claimed`,
    `/challenges/${challenge}/submit`,
    `/submissions/${submission}`,
  ];

  test('show the leaderboard to anyone, without scripts', async () => {
    const { page, complaints } = await open({ javaScriptEnabled: false });
    await page.goto('/');
    const link = page.getByRole('link', { name: 'Abdomen <b>2027</b>' });
    await arrive(page, `/challenges/${challenge}`, () => link.click());
    const rows = page.getByRole('region', { name: 'Leaderboard' }).getByRole('row');
    expect(await rows.count()).toBe(3);
    expect(await rows.nth(1).textContent()).toContain('Keyboard');
    expect(await rows.nth(2).textContent()).toContain('<script>alert(1)</script>');
    const accuracy = page.getByRole('link', { name: 'Accuracy alone' });
    await arrive(page, `/challenges/${challenge}`, () => accuracy.click());
    expect(await rows.nth(1).textContent()).toMatch(/^1\.5/);
    expect(complaints).toEqual([]);
  });

  test('take a submission by keyboard alone, and show it as it is scored', async () => {
    const { page, complaints } = await open();
    const enter = () => page.keyboard.press('Enter');
    // From the start: by the time it is needed the browser has long heard that it is waited for.
    const chosen = page.waitForEvent('filechooser');
    chosen.catch(() => {}); // heard of where it is awaited
    await page.goto('/');
    await tabTo(page, 'Sign in');
    await arrive(page, '/sign-in', enter);
    await tabTo(page, 'key');
    await page.keyboard.type(key);
    await arrive(page, `/challenges/${challenge}`, enter);
    await tabTo(page, 'Submit masks');
    await arrive(page, `/challenges/${challenge}/submit`, enter);
    await tabTo(page, 'files');
    // By one event; Space is two, and a browser opens nothing where the second comes long after the first.
    await enter();
    await (await chosen).setFiles({
      name: 'all.zip',
      mimeType: 'application/zip',
      buffer: Buffer.from(zipped),
    });
    await tabTo(page, 'Submit');
    await Promise.all([page.waitForURL('**/submissions/*'), enter()]);
    // Whether it was scored meanwhile or is being scored, it ends on the results without a hand.
    await page.getByRole('heading', { name: 'Worst cases' }).waitFor();
    expect(await page.getByText('Without a mask, and so scored 0: three').isVisible()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test('show organs, worst cases and efficiency of a submission', async () => {
    const { page } = await open();
    await signIn(page);
    await page.goto(`/submissions/${submission}`);
    const [dsc, nsd] = [
      page.getByRole('img', { name: /^DSC: Liver/ }),
      page.getByRole('img', { name: /^NSD: / }),
    ];
    expect(await dsc.locator('rect.box').count()).toBe(13);
    expect(await nsd.locator('rect.box').count()).toBe(13);
    const worst = page.getByRole('region', { name: 'Worst cases' }).getByRole('row');
    expect(await worst.nth(1).textContent()).toMatch(/^three.*no mask/s);
    expect(await page.getByText('Measured by the organiser').count()).toBe(1);
    expect(await page.getByText('Claimed by the team').count()).toBe(1);
    expect(await page.getByRole('img', { name: /^GPU memory of 1 cases over at most 12 s/ }).count()).toBe(1);
  });

  test('take files one by one, and say what is wrong with them', async () => {
    const { page, complaints } = await open({ javaScriptEnabled: false });
    await signIn(page);
    await page.goto(`/challenges/${challenge}/submit`);
    const send = async (...files: [name: string, bytes: Uint8Array][]) => {
      await page
        .getByLabel('One zip, or the files themselves')
        .setInputFiles(files.map(([name, bytes]) => ({ name, mimeType: '', buffer: Buffer.from(bytes) })));
      const button = page.getByRole('button', { name: 'Submit' });
      await Promise.all([page.waitForEvent('load'), button.click()]);
    };
    await send(['one.nii.gz', mask()], ['four.nii.gz', mask()]);
    expect(await page.getByRole('alert').textContent()).toContain('has no case four');
    await send(['all.zip', new Uint8Array(100)]);
    expect(await page.getByRole('alert').textContent()).toContain('the zip is broken');
    await send(
      ['one.nii.gz', mask()],
      ['two.nii.gz', mask()],
      ['one.jsonl', Buffer.from(log(3))],
      ['report.json', Buffer.from('{}')],
    );
    expect(page.url()).toContain('/submissions/');
    expect(await page.getByText('Passed over, as neither mask nor log: 1 file').count()).toBe(1);
    // What was refused is not among them: the zips of the set-up and of the keyboard, and this one.
    await page.goto(`/challenges/${challenge}`);
    const rows = page.getByRole('region', { name: 'Submissions' }).getByRole('row');
    expect(await rows.count()).toBeLessThanOrEqual(4);
    // The browser notes that the refusals came with a status of 422.
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([]);
  });

  test('say that there is no such page, or challenge', async () => {
    const { page } = await open();
    await page.goto('/nowhere');
    expect(await page.getByRole('heading', { name: 'Not found' }).count()).toBe(1);
    await page.goto('/challenges/none');
    expect(await page.getByText('there is no challenge none').count()).toBe(1);
  });

  test('send who is not signed in to do so, and back', async () => {
    const { page } = await open();
    await page.goto(`/submissions/${submission}`);
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    const enter = () => page.keyboard.press('Enter');
    await page.getByLabel('Key').fill('ose_wrong');
    await arrive(page, '/sign-in', enter);
    expect(await page.getByRole('alert').textContent()).toContain('unknown, revoked or expired');
    await page.goto(`/sign-in?to=/submissions/${submission}`);
    await page.getByLabel('Key').fill(key);
    await arrive(page, `/submissions/${submission}`, enter);
    const button = page.getByRole('button', { name: 'Sign out' });
    await arrive(page, '/', () => button.click());
    expect(await page.getByRole('link', { name: 'Sign in' }).count()).toBe(1);
  });

  test('follow no other site’s form', async () => {
    const cookie = { cookie: `organseg_key=${key}`, 'content-type': 'application/x-www-form-urlencoded' };
    const post = (origin: string) =>
      fetch(`${server.url}/sign-out`, { method: 'POST', redirect: 'manual', headers: { ...cookie, origin } });
    expect((await post('https://elsewhere.example')).status).toBe(403);
    expect((await post(server.url)).status).toBe(303);
    // Nor does a cookie count where only a key does.
    const made = await fetch(`${server.url}/v1/challenges/${challenge}/submissions/open`, {
      method: 'POST',
      headers: cookie,
    });
    expect(made.status).toBe(401);
    const away = await fetch(`${server.url}/sign-in`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...cookie, origin: server.url },
      body: `key=${key}&to=//elsewhere.example`,
    });
    expect(away.headers.get('location')).toBe(`/challenges/${challenge}`);
  });

  test('fit on a phone and a desktop, and pass an audit of accessibility, light and dark', async () => {
    const { page, complaints } = await open({ ...PHONE, colorScheme: 'light', bypassCSP: true });
    await signIn(page);
    for (const path of paths()) {
      await page.goto(path);
      await expectFits(page, path);
    }
    expect(complaints).toEqual([]);
  });
});
