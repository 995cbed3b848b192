/** The site: the page, its workers, and a phantom to show what it does, as static files. */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { phantomCases, phantomOf } from '@organseg/core/phantom/dataset.ts';
import { writeNiftiFile } from '@organseg/files/nifti.ts';
import { build, type RolldownPluginOption } from 'rolldown';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const VIEWER = join(ROOT, 'apps/viewer');
const SOURCE = join(VIEWER, 'src');

/** The model in the box, where the repository has one. */
const MODEL = join(ROOT, 'models/abdomen');

/** The phantom: coarse, so that a processor that plays GPU shows it soon. */
const PHANTOM = { seed: 22, spacingMm: 4 };

/** Writes the site into a folder, in place of what it wrote there before. */
export async function buildSite(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'demo'), { recursive: true });
  cpSync(join(VIEWER, 'public'), folder, { recursive: true });
  await bundle(join(SOURCE, 'page/main.ts'), folder, 'page');
  await bundle(join(SOURCE, 'worker/main.ts'), folder, 'worker');
  await writeDemo(join(folder, 'demo'));
  const files = filesOf(folder);
  const hash = createHash('sha256');
  for (const path of files) hash.update(path).update(readFileSync(join(folder, path)));
  const site = { digest: hash.digest('hex').slice(0, 16), files: ['./', ...files] };
  await bundle(join(SOURCE, 'serviceWorker.ts'), folder, 'serviceWorker', { SITE: JSON.stringify(site) });
}

/** Bundles a source; what it loads only when it is needed goes into files of their own. */
export async function bundle(
  input: string,
  folder: string,
  name: string,
  define: Record<string, string> = {},
  plugins: RolldownPluginOption = [],
): Promise<void> {
  await build({
    input,
    plugins,
    platform: 'browser',
    logLevel: 'warn',
    transform: { define },
    resolve: {
      alias: {
        // DICOM's decoders ask for these where they find themselves in Node.
        fs: false,
        path: false,
        // Its decoders are twice as large as the page.
        zarrita: join(SOURCE, 'page/noZarr.ts'),
      },
    },
    output: {
      dir: folder,
      entryFileNames: `${name}.js`,
      chunkFileNames: `${name}-[name]-[hash].js`,
      format: 'esm',
      minify: true,
    },
  });
}

/** A phantom with its organs, and the model in the box. */
async function writeDemo(folder: string): Promise<void> {
  const [one] = phantomCases({ labelled: 0, unlabelled: 0, test: 1 });
  const { image, labels } = phantomOf(one!, PHANTOM);
  await writeNiftiFile(join(folder, 'phantom.nii.gz'), image);
  await writeNiftiFile(join(folder, 'phantom-reference.nii.gz'), labels);
  const hasModel = existsSync(MODEL);
  if (hasModel) cpSync(MODEL, join(folder, 'model'), { recursive: true, filter: isOfUse });
  const model = hasModel ? filesOf(join(folder, 'model')).map((path) => `demo/model/${path}`) : [];
  const demo = { scan: 'demo/phantom.nii.gz', reference: 'demo/phantom-reference.nii.gz', model };
  writeFileSync(join(folder, 'demo.json'), `${JSON.stringify(demo, null, 2)}\n`);
}

/** Whether a file of the model is of use to the page: how it was trained is not. */
const isOfUse = (path: string): boolean => !/(\.svg|\.jsonl)$/.test(path);

/** The files below a folder by their paths from it, sorted. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
