/** What the tests of pages share: a page that may complain of nothing, ways through it, and how it must fit. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { LONGEST_MS } from './chromium.ts';
import type { Server } from './servers.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** A page whose console must stay silent. */
export async function openPage(
  browser: Browser,
  server: Server,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ baseURL: server.url, ...options });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(LONGEST_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => complaints.push(dialog.message()));
  return { page, complaints };
}

/** Does what makes the browser load a page, and waits until it has, under the path that is expected. */
export async function arrive(page: Page, path: string, leave: () => Promise<void>): Promise<void> {
  await Promise.all([page.waitForEvent('load'), leave()]);
  expect(new URL(page.url()).pathname).toBe(path);
}

/** Presses Tab until a field of this id, or a link or button of this text, has the focus. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const { activeElement } = document;
      return activeElement instanceof HTMLInputElement || activeElement instanceof HTMLTextAreaElement
        ? activeElement.id
        : activeElement?.textContent;
    });
    if (focused?.trim() === name) return;
  }
  throw new Error(`Tab does not reach ${name}`);
}

/** Fails unless the page fits on a phone and a desktop, and axe finds nothing, light and dark. It needs `bypassCSP`. */
export async function expectFits(page: Page, what: string): Promise<void> {
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const faults = (options: object) =>
    page.evaluate(async (asked) => {
      const { violations } = await (globalThis as unknown as { axe: AxeLike }).axe.run(asked);
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
    }, options);
  await page.setViewportSize(PHONE.viewport);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.addScriptTag({ content: AXE });
  expect(await overflow(), what).toBeLessThanOrEqual(0);
  expect(await faults({}), what).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await overflow(), what).toBeLessThanOrEqual(0);
  expect(await faults({ runOnly: ['color-contrast'] }), what).toEqual([]);
}

interface AxeLike {
  run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>;
}
