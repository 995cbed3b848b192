/**
 * The sources of apt, with an entry for a suite of Debian that this machine does not read yet: the entry of the release
 * itself, with the other suite's name. Mirrors, keys and components stay the machine's own.
 */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** One entry of sources.list(5), whichever of its two formats it is written in. */
interface Entry {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** The file that holds this entry with its suite replaced. */
  readonly withSuite: (suite: string) => TextFile;
}

const OURS = '/etc/apt/sources.list.d/organseg-backports';
const words = (text = ''): string[] => text.split(/\s+/).filter(Boolean);

/**
 * The file that makes apt read `suite` of the release `codename`; undefined where apt reads it already, or where no
 * entry of that release is found.
 */
export function suiteFile(
  sources: readonly TextFile[],
  codename: string,
  suite: string,
): TextFile | undefined {
  const entries = sources.flatMap(({ path, text }) =>
    path.endsWith('.sources') ? stanzas(text) : oneLiners(text),
  );
  if (entries.some(({ suites }) => suites.includes(suite))) return undefined;
  const release = entries.filter(
    ({ suites, components }) => suites.includes(codename) && components.includes('main'),
  );
  // Other publishers call their suites by Debian's codenames too: Debian's mirror also serves the updates.
  const updated = entries.filter(({ suites }) => suites.includes(`${codename}-updates`));
  const isDebian = ({ uris }: Entry) => updated.some((other) => other.uris.some((uri) => uris.includes(uri)));
  const looksDebian = ({ uris }: Entry) => uris.some((uri) => /\/debian\/?$/.test(uri));
  return (release.find(isDebian) ?? release.find(looksDebian) ?? release[0])?.withSuite(suite);
}

/** The deb822 format: fields in stanzas between blank lines. */
function stanzas(text: string): Entry[] {
  const uncommented = text.replaceAll(/^#.*\n?/gm, '');
  return uncommented.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map(
      Array.from(stanza.matchAll(/^(\S+):(.*(?:\n[ \t].*)*)/gm), ([, name, value]): [string, string] => [
        name!.toLowerCase(),
        value!.trim(),
      ]),
    );
    if (
      !words(fields.get('types')).includes('deb') ||
      /^(no|false|off|0)$/i.test(fields.get('enabled') ?? '')
    ) {
      return [];
    }
    const kept = stanza.replaceAll(/^(Types|Suites):.*(\n[ \t].*)*\n?/gim, '').trim();
    return {
      uris: words(fields.get('uris')),
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      withSuite: (suite) => ({ path: `${OURS}.sources`, text: `Types: deb\nSuites: ${suite}\n${kept}\n` }),
    };
  });
}

/** The classic format: `deb [options] uri suite component…`. */
function oneLiners(text: string): Entry[] {
  const pattern = /^[ \t]*deb[ \t]+(\[[^\]\n]*\][ \t]+)?(\S+)[ \t]+(\S+)[ \t]+([^#\n]+)/gm;
  return Array.from(
    text.matchAll(pattern),
    ([, options = '', uri, suite, components]): Entry => ({
      uris: [uri!],
      suites: [suite!],
      components: words(components),
      withSuite: (other) => ({
        path: `${OURS}.list`,
        text: `deb ${options}${uri} ${other} ${components!.trim()}\n`,
      }),
    }),
  );
}
