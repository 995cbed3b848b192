/** The system's Chromium, in which pages are tested. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian, Fedora and Arch, Ubuntu's snap, Google's own package and macOS put it. */
const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/snap/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

export const CHROMIUM_ADVICE =
  'there is no Chromium, so the tests of the pages are skipped; `apt-get install chromium` (or CHROMIUM=PATH) brings one';

const GPU = {
  none: ['--disable-gpu'],
  SwiftShader: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'],
};

export function findChromium(): string | undefined {
  return [process.env.CHROMIUM ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));
}

/** Far more than a slow and busy machine takes for anything. */
export const LONGEST_MS = 600_000;

/** Without a GPU, or with WebGPU and WebGL on a processor that plays one. */
export function launchChromium(gpu: 'none' | 'SwiftShader' = 'none'): Promise<Browser> {
  return chromium.launch({
    timeout: LONGEST_MS,
    executablePath: findChromium()!,
    args: ['--headless', '--no-sandbox', '--disable-background-networking', ...GPU[gpu]],
  });
}
