/** Kernels, networks and the medical code run in a browser as they are: bundled for one, they miss nothing. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { type OutputChunk, rolldown } from 'rolldown';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOT_FOR_BROWSERS = /\.test\.ts$|[fF]ixture\.ts$|\/open\/dawn/;
const MODULES = globSync('packages/{kernels,core}/src/**/*.ts', { cwd: ROOT }).filter(
  (path) => !NOT_FOR_BROWSERS.test(path),
);

/** Bundled in memory with nothing stubbed or left out; what could not be resolved is a warning. */
async function bundle(paths: readonly string[], format: 'esm' | 'iife') {
  const warnings: string[] = [];
  const build = await rolldown({
    input: paths.map((path) => join(ROOT, path)),
    platform: 'browser',
    // DICOM's decoders ask for these where they find themselves in Node.
    resolve: { alias: { fs: false, path: false } },
    onLog: (_, { message }) => warnings.push(message),
  });
  const { output } = await build.generate({ format, name: 'page' });
  await build.close();
  return { warnings, chunks: output.filter((each): each is OutputChunk => each.type === 'chunk') };
}

test('every module bundles, and none imports Node or Dawn', async () => {
  expect(MODULES.length).toBeGreaterThan(100);
  const { warnings, chunks } = await bundle(MODULES, 'esm');
  expect(warnings).toEqual([]);
  const own = chunks.map(({ fileName }) => fileName);
  const imported = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
  expect(imported.filter((name) => !own.includes(name))).toEqual([]);
});

test.each(['page/main.ts', 'worker/main.ts', 'serviceWorker.ts'])(
  'the viewer’s %s bundles, and imports no Node',
  async (path) => {
    const { warnings, chunks } = await bundle([`apps/viewer/src/${path}`], 'esm');
    expect(warnings).toEqual([]);
    const own = chunks.map(({ fileName }) => fileName);
    expect(chunks.flatMap(({ imports }) => imports).filter((name) => !own.includes(name))).toEqual([]);
  },
);

test('the opener for Dawn is what a browser cannot have', async () => {
  const { warnings } = await bundle(['packages/kernels/src/open/dawn.ts'], 'esm');
  expect(warnings.join()).toContain('node:v8');
});

test('a page without any of Node’s globals reads a scan, lays out a network and looks for a GPU', async () => {
  const { warnings, chunks } = await bundle(['test/browserPage.ts'], 'iife');
  expect(warnings).toEqual([]);
  expect(chunks).toHaveLength(1);
  const web = { TextDecoder, TextEncoder, ReadableStream, CompressionStream, DecompressionStream };
  const context = createContext({ ...web, navigator: {} });
  runInContext(chunks[0]!.code, context);
  expect(JSON.parse(await runInContext('page.visit()', context))).toEqual({
    hu: [-1000, 0, 40, 60, 80, 1200],
    logits: [1, 8, 8, 8, 2],
    fault: 'no WebGPU adapter found: this browser has none, or it is switched off',
  });
});
