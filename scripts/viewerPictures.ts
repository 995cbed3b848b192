/** `pnpm viewer:pictures`: the pictures of docs/viewer.md, of the viewer as it shows its phantom in Chromium. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LONGEST_MS, launchChromium } from '../apps/evaluator/test/chromium.ts';
import { buildSite } from '../apps/viewer/scripts/site.ts';
import { serveFolder } from '../apps/viewer/scripts/staticServer.ts';

const PICTURES = fileURLToPath(new URL('../docs/viewer', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'organseg-'));
const site = join(folder, 'site');
await buildSite(site);
const server = await serveFolder(site, 0);
const browser = await launchChromium('SwiftShader');
mkdirSync(PICTURES, { recursive: true });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
  page.setDefaultTimeout(LONGEST_MS);
  const idle = () => page.waitForSelector('#cancel', { state: 'hidden' });
  const picture = async (name: string, part: Pick<typeof page, 'screenshot'> = page) => {
    const path = join(PICTURES, `${name}.png`);
    await part.screenshot({ path });
    process.stdout.write(`${path}\n`);
  };
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  await page.waitForSelector('body[data-ready]');
  await page.click('#demo');
  await page.waitForSelector('#results:not([hidden])');
  await idle();
  await picture('desk');

  await page.setInputFiles('#reference-input', join(site, 'demo/phantom-reference.nii.gz'));
  await idle();
  await picture('comparison', page.locator('#results .wide'));

  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('#pictures').evaluate((section) => section.scrollIntoView());
  await picture('phone');
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
