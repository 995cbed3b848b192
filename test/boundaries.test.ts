/**
 * Who may import whom. The longest entry that holds a file decides; a part may always import itself. Tests, fixtures
 * and benches see their whole package. No file imports itself by way of others, not for types alone either.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

interface Rule {
  /** Folders and files of ours. */
  readonly ours: readonly string[];
  readonly packages?: readonly string[] | 'any';
  /** May import Node's API and use its globals, and a GPU's. */
  readonly node?: boolean;
  /** May use a GPU's globals; the rest runs wherever JavaScript runs. */
  readonly gpu?: boolean;
}

const KERNELS = 'packages/kernels';
const CORE = 'packages/core/src';
const VOLUME = `${CORE}/volume`;
const METRICS = `${CORE}/metrics`;
const BASICS = ['inputError', 'organs', 'random', 'regions'].map((name) => `${CORE}/${name}.ts`);
const GEOMETRY = ['volume', 'affine', 'crop'].map((name) => `${VOLUME}/${name}.ts`);
const FILES = 'packages/files/src';
const DICOM = 'packages/dicom/src';
const DICOM_PACKAGES = [
  'dcmjs',
  'jpeg-lossless-decoder-js',
  '@cornerstonejs/codec-charls',
  '@cornerstonejs/codec-openjpeg',
];
const DAWN = `${KERNELS}/src/open/dawn.ts`;

const VIEWER = 'apps/viewer';
const EVALUATOR = 'apps/evaluator';
const EVALUATOR_OURS = [EVALUATOR, ...BASICS, VOLUME, METRICS];
/** They run wherever JavaScript runs. */
const WEB_PACKAGES = ['hono', '@hono/zod-openapi', 'zod', 'kysely', '@zip.js/zip.js', 'multipasta'];

const RULES: Record<string, Rule> = {
  [KERNELS]: { ours: [], gpu: true },
  // The only one that knows Dawn, and Node.
  [DAWN]: { ours: [KERNELS], packages: ['webgpu', 'koffi'], node: true },
  [CORE]: { ours: [] },
  [VOLUME]: { ours: BASICS, packages: ['nifti-reader-js', 'pako'] },
  [METRICS]: { ours: [...BASICS, ...GEOMETRY] },
  [`${CORE}/phantom`]: { ours: [...BASICS, VOLUME] },
  [`${CORE}/network`]: { ours: [...BASICS, KERNELS], gpu: true },
  [`${CORE}/inference`]: { ours: [...BASICS, KERNELS, VOLUME, `${CORE}/network`], gpu: true },
  [DICOM]: { ours: [...BASICS, `${CORE}/words.ts`, VOLUME], packages: DICOM_PACKAGES },
  'packages/files': { ours: [CORE, DICOM], packages: ['zod', '@zip.js/zip.js'], node: true },
  'packages/train': { ours: [CORE, KERNELS, FILES], packages: 'any', node: true },
  [EVALUATOR]: { ours: EVALUATOR_OURS, packages: WEB_PACKAGES },
  [`${EVALUATOR}/scripts`]: { ours: [EVALUATOR, CORE, 'test'], packages: 'any', node: true },
  [`${EVALUATOR}/src/cloudflare`]: { ours: EVALUATOR_OURS, packages: [...WEB_PACKAGES, 'kysely-d1'] },
  [`${EVALUATOR}/src/node`]: {
    ours: EVALUATOR_OURS,
    packages: [...WEB_PACKAGES, 'kysely-d1', 'piscina'],
    node: true,
  },
  ...Object.fromEntries(
    ['node', 'lambda'].map((entry) => [
      `${EVALUATOR}/src/entry/${entry}.ts`,
      { ours: EVALUATOR_OURS, packages: [...WEB_PACKAGES, '@hono/node-server'], node: true },
    ]),
  ),
  'apps/cli': { ours: ['packages'], packages: 'any', node: true },
  // What it takes of packages must run in browsers too, as test/browser.test.ts sees to.
  [VIEWER]: { ours: ['packages'], packages: ['@niivue/niivue', 'nifti-reader-js', 'zod'], gpu: true },
  [`${VIEWER}/scripts`]: { ours: ['packages'], packages: 'any', node: true },
  scripts: { ours: ['packages', 'apps'], packages: 'any', node: true },
  test: { ours: ['packages', 'apps', 'scripts'], packages: 'any', node: true },
};

/** Tests, fixtures and benches of a package. */
const CHECKS: Record<string, Rule> = {
  [EVALUATOR]: {
    ours: [EVALUATOR, 'packages/core', 'test', 'apps/cli'],
    packages: 'any',
    node: true,
  },
  [VIEWER]: { ours: [VIEWER, 'packages', 'apps/evaluator/test'], packages: 'any', node: true },
  [KERNELS]: { ours: [KERNELS], packages: ['vitest'], node: true },
  'packages/core': { ours: ['packages/core', KERNELS], packages: ['vitest'], node: true },
  'packages/dicom': { ours: ['packages/dicom', CORE], packages: 'any', node: true },
  'packages/files': { ours: ['packages'], packages: 'any', node: true },
  'packages/train': { ours: ['packages'], packages: 'any', node: true },
};
const IS_CHECK = /\.test\.ts$|[fF]ixture\.ts$|\/(test|bench)\//;
/** Who opens a device also closes it; everybody else is handed one. */
const OPENS_DEVICES = /^(apps\/cli|scripts|test)\//;

const isIn = (path: string, part: string) => path === part || path.startsWith(`${part}/`);
const longest = (rules: Record<string, Rule>, path: string) =>
  Object.keys(rules)
    .filter((part) => isIn(path, part))
    .sort((a, b) => b.length - a.length)[0];

/** What is wrong with a file, a line each. */
function violations(path: string, text: string): string[] {
  const isCheck = IS_CHECK.test(path);
  const checked = isCheck ? longest(CHECKS, path) : undefined;
  const part = checked ?? longest(RULES, path);
  if (!part) return [`${path} belongs to no part`];
  const { ours, packages = [], node, gpu } = (checked ? CHECKS : RULES)[part]!;
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

  const mayImport = (target: string) => {
    // What runs on Node alone is not for what runs anywhere.
    if (isIn(target, `${EVALUATOR}/src/node`) && !node) return false;
    if (/^(packages|apps|scripts|test)\//.test(target)) return [part, ...ours].some((it) => isIn(target, it));
    if (target.startsWith('node:')) return node;
    const name = target.match(/^(@[^/]+\/)?[^/]+/)![0];
    return packages === 'any' ? name !== 'webgpu' : packages.includes(name);
  };
  const wrong = importsOf(path, code).flatMap(({ target, typesOnly }) => {
    if (!mayImport(target)) return `${path} may not import ${target}`;
    const opens = target === DAWN && !typesOnly && !isCheck && !OPENS_DEVICES.test(path);
    return opens ? `${path} may import types alone from ${target}` : [];
  });
  const foreign = [
    ...(node ? [] : ['process', 'Buffer', 'require']),
    ...(node || gpu ? [] : ['GPU\\w+', 'navigator']),
  ];
  const used = foreign.length && code.match(new RegExp(`\\b(${foreign.join('|')})\\s*[.([]`));
  return used ? [...wrong, `${path} may not use ${used[1]}`] : wrong;
}

interface Import {
  readonly target: string;
  readonly typesOnly: boolean;
  /** Whether running the file loads the target: `import type` alone leaves no trace. */
  readonly isLoaded: boolean;
}

function importsOf(path: string, code: string): Import[] {
  const statements = code.matchAll(
    /^(?:import|export)\b([^;'"]*)\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return Array.from(statements, ([, clause = '', ...specifiers]) => {
    const specifier = specifiers.find(Boolean)!;
    const names = clause.match(/^\s*\{([^}]*)\}/)?.[1]?.split(',') ?? ['a value'];
    const types = names.every((name) => /^\s*(type\s|$)/.test(name));
    return {
      target: specifier.startsWith('.')
        ? join(dirname(path), specifier)
        : specifier.replace(/^@organseg\/(\w+)\//, 'packages/$1/src/'),
      typesOnly: types || /^\s*type\b/.test(clause),
      isLoaded: !/^\s*type\b/.test(clause),
    };
  });
}

// This file quotes what is not allowed.
const exclude = ['**/node_modules/**', 'test/boundaries.test.ts'];
const PATHS = globSync('{packages,apps,scripts,test}/**/*.ts', { exclude }).sort();

test('every file imports what its part may import', () => {
  expect(PATHS.length).toBeGreaterThan(100);
  expect(PATHS.flatMap((path) => violations(path, readFileSync(path, 'utf8')))).toEqual([]);
});

/** Files that import each other in a circle, each circle once, from one file back to it. */
function circles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (path: string, way: string[]) => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path]);
    else if (!done.has(path)) {
      for (const target of imports.get(path) ?? []) visit(target, [...way, path]);
      done.add(path);
    }
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

test('every file begins with what it is', () => {
  expect(PATHS.filter((path) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(path, 'utf8')))).toEqual([]);
});

test('no file imports itself by way of others', () => {
  const targets = (path: string) => importsOf(path, readFileSync(path, 'utf8')).map(({ target }) => target);
  expect(circles(new Map(PATHS.map((path) => [path, targets(path)])))).toEqual([]);
});

test('a circle is found', () => {
  const imports = { a: ['b', 'c'], b: ['d'], c: ['d'], d: ['b'], e: ['a'] };
  expect(circles(new Map(Object.entries(imports)))).toEqual([['b', 'd', 'b']]);
});

/** The ways from a file of ours to what it must not load at run time: the files that load one another, and that last. */
function waysTo(
  forbidden: RegExp,
  from: string,
  way: readonly string[] = [],
  seen = new Set<string>(),
): string[] {
  const here = [...way, from];
  if (forbidden.test(from)) return [here.join(' → ')];
  if (seen.has(from) || !PATHS.includes(from)) return [];
  seen.add(from);
  return importsOf(from, readFileSync(from, 'utf8'))
    .filter(({ isLoaded }) => isLoaded)
    .flatMap(({ target }) => waysTo(forbidden, target, here, seen));
}

const GPU_OR_TRAINING = /^packages\/(train|kernels)\/|^webgpu$/;
test.each(['info', 'evaluate', 'measure', 'phantom', 'doctor'])(
  '%s loads neither the GPU nor training',
  (name) => {
    expect(waysTo(GPU_OR_TRAINING, `apps/cli/src/commands/${name}.ts`)).toEqual([]);
  },
);

test('what loads training by way of others is found', () => {
  const [way] = waysTo(GPU_OR_TRAINING, 'apps/cli/src/commands/demo.ts');
  expect(way).toMatch(/^apps\/cli\/src\/commands\/demo\.ts → .* → packages\/\S+$/);
});

const ILLEGAL: [path: string, code: string][] = [
  ['packages/kernels/src/tensor.ts', "import { a } from '@organseg/core/organs.ts';"],
  ['packages/kernels/src/tensor.test.ts', "import { a } from '@organseg/core/organs.ts';"],
  ['packages/kernels/src/tensor.ts', "import { create } from 'webgpu';"],
  ['packages/train/src/run/trainingLoop.ts', "import { create } from 'webgpu';"],
  ['apps/cli/src/main.ts', "const { create } = await import('webgpu');"],
  ['apps/cli/src/main.ts', "import { a } from '../../evaluator/src/app.ts';"],
  ['packages/kernels/src/tensor.ts', "import { join } from 'node:path';"],
  ['packages/kernels/src/tensor.ts', 'Buffer.from(bytes)'],
  ['packages/kernels/src/open/browser.ts', "import { create } from 'webgpu';"],
  ['packages/core/src/network/tape.ts', "import { a } from '../volume/volume.ts';"],
  ['packages/core/src/volume/crop.ts', "import { a } from '@organseg/kernels/tensor.ts';"],
  ['packages/core/src/volume/crop.ts', "export * from '../metrics/score.ts';"],
  ['packages/core/src/volume/crop.ts', "import type { Stats } from 'node:fs';"],
  ['packages/core/src/volume/crop.ts', 'const { cwd } = process.env;'],
  ['packages/core/src/metrics/score.ts', "import {\n  a,\n  b,\n} from '../volume/niftiRead.ts';"],
  ['packages/core/src/metrics/score.ts', 'Buffer.from(bytes)'],
  ['packages/core/src/network/tape.ts', "import { a } from '../inference/slidingWindow.ts';"],
  ['packages/core/src/inference/slidingWindow.ts', "import { a } from '@organseg/files/write.ts';"],
  ['packages/core/src/inference/slidingWindow.ts', "import { a } from '../metrics/score.ts';"],
  [
    'packages/core/src/inference/slidingWindow.ts',
    "import { openGpu } from '@organseg/kernels/open/dawn.ts';",
  ],
  ['packages/core/src/organs.ts', "import { z } from 'zod';"],
  [
    'packages/train/src/run/trainingLoop.ts',
    "import { say } from '../../../../apps/cli/src/terminal/command.ts';",
  ],
  ['packages/train/src/run/trainingLoop.ts', "import { openGpu } from '@organseg/kernels/open/dawn.ts';"],
  ['packages/train/src/run/trainingLoop.ts', "import * as dawn from '@organseg/kernels/open/dawn.ts';"],
  ['apps/evaluator/src/app.ts', "import { a } from '@organseg/core/network/tape.ts';"],
  ['apps/evaluator/src/entry/worker.ts', "import { readFile } from 'node:fs/promises';"],
  ['apps/evaluator/src/app.ts', "import { openSqlite } from './node/sqlite.ts';"],
  ['apps/evaluator/src/entry/worker.ts', "import { openSqlite } from '../node/sqlite.ts';"],
  ['apps/evaluator/src/store/submissions.ts', "import { Piscina } from 'piscina';"],
  ['apps/evaluator/src/upload/body.ts', 'Buffer.from(bytes)'],
  ['apps/viewer/src/worker/main.ts', "import { readFile } from 'node:fs/promises';"],
  ['apps/viewer/src/worker/main.ts', "import { openGpu } from '@organseg/kernels/open/dawn.ts';"],
  ['packages/new/src/main.ts', ''],
];
test.each(ILLEGAL)('%s: %s', (path, code) => {
  expect(violations(path, code)).toHaveLength(1);
});

test.each([
  ['packages/train/src/run/trainingLoop.ts', "import type { Gpu } from '@organseg/kernels/device.ts';"],
  [
    'packages/train/src/run/trainingLoop.ts',
    "import { type OpenOptions } from '@organseg/kernels/open/dawn.ts';",
  ],
  ['packages/core/src/metrics/score.ts', "// import { a } from 'node:fs';"],
])('%s: %s is allowed', (path, code) => {
  expect(violations(path, code)).toEqual([]);
});
