/** The bundle as on a GPU host without Node, packages or network: an empty folder, no PATH, no HOME. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { COMPRESSED_FRAMES, compressedSlice } from '../../packages/dicom/src/dicomFixture.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { nativeFilesIn } from '../bundles/nativeFiles.ts';
import { temporaryFolder } from '../cli.ts';

const BUNDLE = fileURLToPath(new URL('../../scripts/bundle.ts', import.meta.url));
const MOST_BYTES = 48 * 2 ** 20;

test('the bundle unpacks anywhere and runs doctor, a tiny training and the benches’ help, and reads DICOM by itself', async () => {
  const folder = temporaryFolder();
  const archive = join(folder, 'organseg.tar.xz');
  // Packed fast here: even so it keeps its bound.
  const packed = spawnSync(process.execPath, [BUNDLE, '--out', archive], {
    encoding: 'utf8',
    env: { ...process.env, XZ_OPT: '-0 -T0' },
  });
  expect(packed.stderr).toBe('');
  expect(statSync(archive).size).toBeLessThan(MOST_BYTES);
  expect(spawnSync('tar', ['xf', archive], { cwd: folder }).status).toBe(0);

  // Kernels that other tests compiled need not be compiled again.
  const { LP_NATIVE_VECTOR_WIDTH, MESA_SHADER_CACHE_DIR } = process.env;
  const env = { LP_NATIVE_VECTOR_WIDTH, MESA_SHADER_CACHE_DIR };
  const organseg = (...args: string[]) => {
    const run = spawnSync('./organseg-linux-x64/organseg', args, { cwd: folder, encoding: 'utf8', env });
    expect(run.status, `${args[0]}: ${run.stderr}`).toBe(0);
    return run.stdout;
  };
  expect(Object.values(nativeFilesIn(join(folder, 'organseg-linux-x64')))).toEqual(
    Array(3).fill('linux-x64'),
  );
  expect(JSON.parse(organseg('doctor', '--json'))).toMatchObject({ works: true });
  expect(existsSync(join(folder, 'organseg-linux-x64/experiments/gpu.json'))).toBe(true);
  expect(organseg('bench', '--help')).toContain('kernels');
  for (const syntax of Object.keys(COMPRESSED_FRAMES)) {
    writeFileSync(join(folder, 'slice.dcm'), await compressedSlice(syntax).read());
    expect(JSON.parse(organseg('info', 'slice.dcm', '--json'))).toMatchObject({ min: -666, max: 1254 });
  }
  const counts = ['--labelled', '1', '--unlabelled', '7', '--test', '0']; // enough for threads
  organseg('phantom', '--out', 'data', ...counts, '--spacing', '10');
  writeFileSync(join(folder, 'tiny.json'), JSON.stringify({ ...TINY_NETWORK, initial: { epochs: 1 } }));
  organseg('train', '--data', 'data', '--out', 'run', '--preset', 'small', '--config', 'tiny.json');
  expect(existsSync(join(folder, 'run', 'checkpoint-best.safetensors'))).toBe(true);
});

test('a folder that is not there is refused before anything is made', () => {
  const out = join(temporaryFolder(), 'missing', 'organseg.tar.xz');
  const { status, stderr } = spawnSync(process.execPath, [BUNDLE, '--out', out], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([1, `bundle: --out ${out}: there is no folder ${join(out, '..')}\n`]);
});
