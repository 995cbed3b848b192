/** Kernels in a real Chromium, bundled as the page's worker is: their own tests against their float64 twins, a sample. */
import { cpSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM_ADVICE, findChromium, launchChromium } from '../../evaluator/test/chromium.ts';
import { bundle } from '../scripts/site.ts';
import { serveFolder } from '../scripts/staticServer.ts';

const hasChromium = findChromium() !== undefined;
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const KERNELS = at('../../../packages/kernels/src');
const TESTS = globSync('ops/**/*.test.ts', { cwd: KERNELS }).sort();

/** What stands in the worker in place of what Node alone has. */
const inWorker = {
  name: 'in a worker',
  resolveId(source: string) {
    if (source === 'vitest') return at('vitestInWorker.ts');
    return source.endsWith('/open/dawn.ts') ? join(KERNELS, 'open/browser.ts') : null;
  },
};

describe.skipIf(!hasChromium)(
  `kernels in Chromium${hasChromium ? '' : ` (skipped: ${CHROMIUM_ADVICE})`}`,
  () => {
    let folder: string;
    let server: Server;
    let browser: Browser;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'organseg-'));
      const site = join(folder, 'site');
      cpSync(at('../public'), site, { recursive: true }); // the page's security policy counts here too
      const modules = [...TESTS.map((path) => join(KERNELS, path)), at('kernelsInWorker.ts')];
      const entry = join(folder, 'entry.ts');
      writeFileSync(entry, modules.map((path) => `import ${JSON.stringify(path)};\n`).join(''));
      await bundle(entry, site, 'kernels', {}, inWorker);
      server = await serveFolder(site, 0);
      browser = await launchChromium('SwiftShader');
    });
    afterAll(async () => {
      await browser?.close();
      server?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('forward and backward agree with their twins', async () => {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
      const outcome = await page.evaluate(
        () =>
          new Promise<unknown>((resolve, reject) => {
            const worker = new Worker('kernels.js', { type: 'module' });
            worker.addEventListener('message', ({ data }) => resolve(data));
            worker.addEventListener('error', ({ message }) => reject(new Error(message)));
          }),
      );
      expect(outcome).toMatchObject({ failures: [], isFaultFound: true });
      expect((outcome as { ran: number }).ran).toBeGreaterThan(2 * TESTS.length);
    });
  },
);
