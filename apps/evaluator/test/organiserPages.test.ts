/** A challenge's whole life in a real browser: the owner and an organiser by their pages alone, and a team. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrive, expectFits, openPage, PHONE, tabTo } from './browserPage.ts';
import { CHROMIUM_ADVICE, findChromium, launchChromium } from './chromium.ts';
import { Client, challengeWith } from './client.ts';
import { mask } from './masks.ts';
import { type Server, startNode } from './servers.ts';

const hasChromium = findChromium() !== undefined;

describe.skipIf(!hasChromium)(`an organiser${hasChromium ? '' : ` (skipped: ${CHROMIUM_ADVICE})`}`, () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    server = await startNode();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const press = (page: Page, name: string, path: string) =>
    arrive(page, path, () => page.getByRole('button', { name, exact: true }).click());
  const follow = (page: Page, name: string | RegExp, path: string) =>
    arrive(page, path, () => page.getByRole('link', { name }).first().click());

  async function signIn(page: Page, key: string, path: string): Promise<void> {
    await page.goto('/sign-in');
    await page.getByLabel('Key').fill(key);
    await press(page, 'Sign in', path);
  }

  async function choose(page: Page, label: RegExp, ...files: [name: string, bytes: Uint8Array][]) {
    const chosen = files.map(([name, bytes]) => ({ name, mimeType: '', buffer: Buffer.from(bytes) }));
    await page.getByLabel(label).setInputFiles(chosen);
  }

  /** Saves what a link leads to; returns its name and its text. */
  async function download(page: Page, name: string): Promise<{ name: string; text: string }> {
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name, exact: true }).click(),
    ]);
    return { name: saved.suggestedFilename(), text: readFileSync(await saved.path(), 'utf8') };
  }

  test.each([
    ['with scripts', true],
    ['without scripts', false],
  ])('runs a challenge from its creation to its results, %s', async (_, javaScriptEnabled) => {
    const options = { ...PHONE, javaScriptEnabled, bypassCSP: javaScriptEnabled };
    const { page, complaints } = await openPage(browser, server, options);
    const fits = async (what: string) => {
      if (javaScriptEnabled) await expectFits(page, what);
    };
    await signIn(page, server.ownerKey, '/');
    await follow(page, 'New challenge', '/new-challenge');
    await fits('the form of a challenge');
    await page.getByLabel('Name').fill('Abdomen 2027');
    await page.getByLabel('Deadline').fill('2999-01-31T23:59');
    const lines = await page.getByLabel('Organs').inputValue();
    expect(lines.split('\n')).toHaveLength(13);
    await page.getByLabel('Organs').fill(`${lines}\n13, Again, 3`);
    await press(page, 'Create challenge', '/new-challenge');
    expect(await page.getByText(/^two organs of one id$/).isVisible()).toBe(true);
    expect(await page.getByLabel('Organs').evaluate((organs) => organs === document.activeElement)).toBe(
      true,
    );
    expect(await page.getByLabel('Deadline').inputValue()).toBe('2999-01-31T23:59');
    await fits('the form of a challenge with a fault');
    await page.getByLabel('Organs').fill(lines);
    const create = page.getByRole('button', { name: 'Create challenge' });
    await Promise.all([page.waitForURL('**/references'), create.click()]);
    const references = new URL(page.url()).pathname;
    const root = references.replace(/\/references$/, '');

    await follow(page, 'Settings', `${root}/settings`);
    await fits('the settings while organs can be changed');
    await page.getByLabel('Organs').fill(`${lines}\n14, Bladder, 3`);
    await press(page, 'Save', root);

    // The owner hands over to an organiser.
    await follow(page, 'Keys', `${root}/keys`);
    await page.getByText('Issue a key to another organiser').click();
    await press(page, 'Issue organiser’s key', `${root}/keys`);
    const organiserKey = await page.getByLabel('Key', { exact: true }).inputValue();
    await press(page, 'Sign out', '/');
    await signIn(page, organiserKey, root);

    await follow(page, 'References', references);
    await choose(
      page,
      /^Reference label maps/,
      ['one.nii.gz', mask()],
      ['broken.nii.gz', mask().slice(0, 100)],
      ['two.nii.gz', mask()],
      ['surplus.nii.gz', mask()],
    );
    await press(page, 'Upload', references);
    expect(await page.getByRole('alert').textContent()).toMatch(
      /1 file refused:\s*broken\.nii\.gz: the gzip/,
    );
    expect(await page.getByRole('status').textContent()).toBe('3 files stored: one, two, surplus');
    await fits('the references');
    await follow(page, 'Remove surplus', `${references}/surplus/remove`);
    await fits('the question whether to remove a case');
    await press(page, 'Remove it', references);
    expect(await page.getByRole('region', { name: 'Cases' }).getByRole('row').count()).toBe(1 + 2);

    await follow(page, 'Keys', `${root}/keys`);
    await page.getByLabel('Team').fill('Red');
    await press(page, 'Issue key', `${root}/keys`);
    const teamKey = await page.getByLabel('Key', { exact: true }).inputValue();
    await fits('a new key');
    await follow(page, 'All keys', `${root}/keys`);
    expect(await page.content()).not.toContain(teamKey);
    await fits('the keys');

    await follow(page, 'Submissions', `${root}/submissions`);
    expect(await page.getByText('There is no submission yet.').count()).toBe(1);
    const { page: team } = await openPage(browser, server, { javaScriptEnabled });
    await signIn(team, teamKey, root);
    expect(await team.getByRole('navigation', { name: 'For organisers' }).count()).toBe(0);
    await team.goto(`${root}/submit`);
    await choose(team, /^One zip/, ['one.nii.gz', mask(1)]);
    const submit = team.getByRole('button', { name: 'Submit' });
    await Promise.all([team.waitForURL('**/submissions/*'), submit.click()]);

    // With scripts the page brings itself up to date, and without them when it is asked again.
    const row = page.getByRole('row', { name: /^Red scored 1 \/ 1 0\.\d{4} 0\.\d{4} .* 1 missing/ });
    if (javaScriptEnabled) await row.waitFor();
    else await expect.poll(() => page.reload().then(() => row.count()), { timeout: 600_000 }).toBe(1);
    await fits('the submissions');
    await arrive(page, new URL(team.url()).pathname, () => row.getByRole('link').first().click());
    await page.getByRole('link', { name: 'Send measured efficiency' }).click();
    await choose(page, /^Efficiency logs/, ['one.jsonl', Buffer.from('{"stuck": true}\n')]);
    await press(page, 'Upload', `${new URL(team.url()).pathname}/efficiency`);
    expect(await page.getByRole('status').textContent()).toBe('1 file stored: one');
    await fits('the form of measured efficiency');
    await page.goto(`${root}/submissions`);
    const csv = await download(page, 'CSV');
    expect(csv.name).toBe('Abdomen-2027-results.csv');
    expect(csv.text.trimEnd().split('\r\n')).toHaveLength(1 + 2);
    const json = await download(page, 'JSON');
    expect(json.name).toBe('Abdomen-2027-results.json');
    expect(JSON.parse(json.text)).toMatchObject([{ team: 'Red', state: 'scored', missing: ['two'] }]);

    await follow(page, 'Settings', `${root}/settings`);
    await fits('the settings');
    await page.getByLabel('Deadline').fill('2020-01-01T00:00');
    await press(page, 'Save', root);
    expect(await page.getByText('closed since').count()).toBe(1);
    await fits('the challenge');

    await follow(page, 'Keys', `${root}/keys`);
    const ofTeam = page.getByRole('row', { name: /^Red valid/ });
    const [, id] = /^ose_([0-9a-f]+)_/.exec(teamKey)!;
    await arrive(page, `${root}/keys/${id}/revoke`, () => ofTeam.getByRole('link').click());
    await fits('the question whether to revoke a key');
    await press(page, 'Revoke it', `${root}/keys`);
    expect(await page.getByRole('row', { name: /^Red revoked/ }).count()).toBe(1);
    await team.goto(`${root}/submit`);
    expect(new URL(team.url()).pathname).toBe('/sign-in');

    // The owner deletes it, who has to type its name.
    await press(page, 'Sign out', '/');
    await signIn(page, server.ownerKey, '/');
    await page.goto(`${root}/settings`);
    await follow(page, 'Delete the challenge…', `${root}/delete`);
    await page.getByLabel('Its name').fill('Abdomen');
    await press(page, 'Delete it', `${root}/delete`);
    await fits('the question whether to delete a challenge');
    await page.getByLabel('Its name').fill('Abdomen 2027');
    await press(page, 'Delete it', '/');
    expect(await page.getByText('Abdomen 2027').count()).toBe(0);
    // The browser notes that the refusals came with a status of 422.
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([]);
  });

  test('issues and revokes a key by keyboard alone', async () => {
    const { id, organiser } = await challengeWith(new Client(server, server.ownerKey), {});
    const { page, complaints } = await openPage(browser, server);
    const root = `/challenges/${id}`;
    const go = async (name: string, path: string) => {
      await tabTo(page, name);
      await arrive(page, path, () => page.keyboard.press('Enter'));
    };
    await page.goto('/sign-in');
    await tabTo(page, 'key');
    await page.keyboard.type(organiser.key!);
    await arrive(page, root, () => page.keyboard.press('Enter'));
    await go('Keys', `${root}/keys`);
    await tabTo(page, 'team');
    await page.keyboard.type('Keyboard');
    await go('Issue key', `${root}/keys`);
    await tabTo(page, 'secret');
    await page.keyboard.press('Control+a');
    const selected = await page.evaluate(() => getSelection()?.toString());
    expect(selected).toMatch(/^ose_[0-9a-f]{16}_/);
    await go('All keys', `${root}/keys`);
    // The first is the organiser's own.
    await tabTo(page, 'Revoke');
    const asked = `${root}/keys/${selected!.slice(4, 20)}/revoke`;
    await go('Revoke', asked);
    await go('Revoke it', `${root}/keys`);
    expect(await page.getByRole('row', { name: /^Keyboard revoked/ }).count()).toBe(1);
    expect(complaints).toEqual([]);
  });
});
