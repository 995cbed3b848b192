/** The documents: whether their links lead somewhere, the source files that they name exist, and a screen holds a line. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const exclude = ['**/node_modules/**'];
const SOURCES = globSync('{packages,apps,scripts,test}/**/*.{ts,mjs,py,wgsl}', { exclude });
/** Every source by its path, which may leave out `src`, a line each. */
const NAMES = SOURCES.flatMap((path) => [`/${path}\n`, `/${path.replace('/src/', '/')}\n`]).join('');

/** What a pattern's group finds in a document, blocks of code aside. */
const find = (path: string, pattern: RegExp) =>
  Array.from(
    readFileSync(path, 'utf8')
      .replaceAll(/^```[\s\S]*?^```/gm, '')
      .matchAll(pattern),
    ([, it]) => it!,
  );
/** As GitHub makes it of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

const DOCUMENTS = globSync(['README.md', 'docs/**/*.md']);

test.each(DOCUMENTS)('%s names what exists', (path) => {
  const isDead = (link: string) => {
    const [file, anchor] = link.split('#');
    const target = file ? join(dirname(path), file) : path;
    return (
      !existsSync(target) ||
      (anchor &&
        !find(target, /^#+ (.*)$/gm)
          .map(anchorOf)
          .includes(anchor))
    );
  };
  expect(find(path, /\]\((?!https?:)([^)\s]*)\)/g).filter(isDead)).toEqual([]);
  const sources = find(path, /`([\w./-]+\.(?:ts|mjs|py|wgsl))`/g);
  expect(sources.filter((name) => !NAMES.includes(`/${name}\n`))).toEqual([]);
});

test.each(DOCUMENTS)('%s has no line that needs a wide screen', (path) => {
  expect(find(path, /^(.{121,})$/gm)).toEqual([]);
});
