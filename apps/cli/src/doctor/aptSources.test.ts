/** Entries of apt's sources in both formats. */
import { expect, it } from 'vitest';
import { suiteFile } from './aptSources.ts';

const backports = (...texts: [path: string, text: string][]) =>
  suiteFile(
    texts.map(([path, text]) => ({ path: `/etc/apt/${path}`, text })),
    'bookworm',
    'bookworm-backports',
  );

const DEBIAN = `# Written by the installer
Types: deb deb-src
URIs: http://mirror.example/debian
# the release and its updates
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

it('copies a stanza with its mirror, components and key', () => {
  expect(backports(['sources.list.d/debian.sources', DEBIAN])).toEqual({
    path: '/etc/apt/sources.list.d/organseg-backports.sources',
    text: `Types: deb
Suites: bookworm-backports
URIs: http://mirror.example/debian
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`,
  });
});

it('keeps a key that is written into the stanza', () => {
  const key =
    'Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY\n -----END PGP PUBLIC KEY BLOCK-----';
  const text = `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n${key}\n`;
  expect(backports(['sources.list.d/debian.sources', text])?.text).toContain(`Components: main\n${key}\n`);
});

it('copies a line with its options', () => {
  const text = `# deb http://mirror.example/debian bookworm-backports main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/key.gpg] http://mirror.example/debian bookworm main contrib # the release
`;
  expect(backports(['sources.list', text])).toEqual({
    path: '/etc/apt/sources.list.d/organseg-backports.list',
    text: 'deb [arch=amd64 signed-by=/key.gpg] http://mirror.example/debian bookworm-backports main contrib\n',
  });
});

it('takes Debian for Debian among other publishers with the same suite', () => {
  const others: [string, string] = [
    'sources.list.d/a.list',
    'deb https://tools.example/linux/debian bookworm stable\ndeb https://other.example bookworm main\n',
  ];
  expect(backports(others, ['sources.list.d/debian.sources', DEBIAN])?.text).toContain(
    'mirror.example/debian',
  );
  const plain: [string, string] = ['sources.list', 'deb http://mirror.example/debian/ bookworm main\n'];
  expect(backports(others, plain)?.text).toBe('deb http://mirror.example/debian/ bookworm-backports main\n');
});

it('adds nothing where the suite is read already', () => {
  const line: [string, string] = [
    'sources.list.d/b.list',
    'deb http://mirror.example/debian bookworm-backports main\n',
  ];
  expect(backports(['sources.list.d/debian.sources', DEBIAN], line)).toBeUndefined();
});

it('does not count entries that are switched off', () => {
  const off =
    'Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: bookworm-backports\nComponents: main\n';
  expect(backports(['sources.list.d/a.sources', `${off}\n${DEBIAN}`])?.text).toContain('mirror.example');
});

it('derives nothing from sources without the release', () => {
  expect(backports(['sources.list', 'deb http://mirror.example/debian trixie main\n'])).toBeUndefined();
});
