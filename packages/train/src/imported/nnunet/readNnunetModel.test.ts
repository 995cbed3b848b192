/** Models of nnU-Net: as it leaves them in a folder, and as it exports them in a zip. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { golden, zipOf } from '@organseg/files/torch/torchFixture.ts';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Model } from '../../predict/model.ts';
import { modelKind } from '../modelKind.ts';
import { openModelFiles } from '../openModelFiles.ts';
import type { NnunetChoice } from './choice.ts';
import { readNnunetModel } from './readNnunetModel.ts';

const folder = golden('nnunet');

async function read(path: string, choice?: NnunetChoice): Promise<Model> {
  const model = await modelKind(await openModelFiles(path));
  if (model.kind !== 'nnU-Net') throw new Error(`${path}: is a ${model.kind}`);
  return readNnunetModel(model.files, choice);
}

/** The values of every parameter of the first networks' weights. */
async function valuesOf({ network, weights }: Model, fold = 0): Promise<Map<string, Float32Array>> {
  const { specs } = networkLayout(network);
  const open = await weights[fold]!.open(specs);
  try {
    return new Map(specs.map(({ name }) => [name, open.get(name)!]));
  } finally {
    open.close();
  }
}

function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'organseg-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

/** A zip of plain3d below its data set's folder, as nnU-Net exports it. */
async function exported(): Promise<string> {
  const names = (readdirSync(`${folder}/plain3d`, { recursive: true }) as string[]).filter((name) =>
    /\.(json|pth)$/.test(name),
  );
  const below = 'Dataset901_plain/nnUNetTrainerNoMirroring__nnUNetPlans__3d_fullres';
  const files = names.map((name): [string, Buffer] => [
    `${below}/${name}`,
    readFileSync(`${folder}/plain3d/${name}`),
  ]);
  const path = join(temporaryFolder(), 'plain.zip');
  writeFileSync(path, await zipOf(new Map(files)));
  return path;
}

/** A copy of plain3d that a test may change. */
function copied(): string {
  const path = join(temporaryFolder(), 'model');
  mkdirSync(path);
  for (const name of ['plans.json', 'dataset.json', 'fold_0'])
    cpSync(`${folder}/plain3d/${name}`, join(path, name), { recursive: true });
  return path;
}

describe.skipIf(!folder)('models of nnU-Net (skipped where ../shared is not there)', () => {
  test.each<[string, object]>([
    [
      'plain3d',
      {
        network: { architecture: 'PlainConvUNet' },
        preprocessing: { reorient: true },
        mirrorAxes: [],
        weights: { length: 2 },
      },
    ],
    [
      'aniso3d',
      {
        network: { architecture: 'PlainConvUNet' },
        preprocessing: { transposeForward: [2, 0, 1] },
        mirrorAxes: [0, 1, 2],
      },
    ],
    [
      'resenc3d',
      { network: { architecture: 'ResidualEncoderUNet' }, patch: [24, 32, 40], mirrorAxes: [0, 1, 2] },
    ],
    [
      'twochannel',
      {
        channelNames: ['T1', 'T2'],
        labelNames: ['background', 'whole', 'core', 'inner'],
        regions: [{ label: 1 }, { label: 2 }, { label: 3 }],
        preprocessing: {
          channels: [
            { scheme: 'ZScoreNormalization', useMask: true },
            { scheme: 'ZScoreNormalization', useMask: false },
          ],
        },
      },
    ],
  ])('%s', async (name, expected) => {
    const model = await read(`${folder}/${name}`);
    expect(model).toMatchObject(expected);
    const values = await valuesOf(model);
    for (const { name, shape } of networkLayout(model.network).specs)
      expect(values.get(name)?.length, name).toBe(shape.reduce((product, extent) => product * extent, 1));
  });

  test('a zip holds the same model as its folder', async () => {
    const [inFolder, inZip] = [await read(`${folder}/plain3d`), await read(await exported())];
    expect({ ...inZip, paths: [], weights: [] }).toEqual({ ...inFolder, paths: [], weights: [] });
    expect(await valuesOf(inZip, 1)).toEqual(await valuesOf(inFolder, 1));
    expect(await inZip.weights[1]!.sha256()).toBe(await inFolder.weights[1]!.sha256());
    const within = inZip.paths[0]!;
    expect((await read(within, { folds: ['0'] })).paths).toEqual([within]);
    expect(inZip.weights[1]!.path).toMatch(
      /plain\.zip\/Dataset901_plain\/.*\/fold_1\/checkpoint_final\.pth$/,
    );
  });

  test('without a folder for temporary files a packed model is refused in one line', async () => {
    const path = await exported();
    vi.stubEnv('TMPDIR', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(read(path)).rejects.toThrow(/^\/nowhere: no such file or directory$/);
  });

  test('folds and the checkpoint are chosen', async () => {
    expect((await read(`${folder}/plain3d`, { folds: ['1'] })).weights.map(({ path }) => path)).toEqual([
      `${folder}/plain3d/fold_1/checkpoint_final.pth`,
    ]);
    await expect(read(`${folder}/plain3d`, { folds: ['4'] })).rejects.toThrow(
      `${folder}/plain3d: has no fold_4/checkpoint_final.pth; its folds are 0, 1`,
    );
    await expect(read(`${folder}/plain3d`, { checkpoint: 'best' })).rejects.toThrow(
      'no fold has a checkpoint_best.pth, but a checkpoint_final.pth; --checkpoint final takes that',
    );
  });

  test('what is no whole model says what is missing', async () => {
    const path = copied();
    const refusal = (at: string) => expect(openModelFiles(at).then(modelKind)).rejects;
    await refusal(join(path, 'fold_0')).toThrow(
      'is one fold of a model of nnU-Net; expected the folder above it',
    );
    await refusal(join(path, 'fold_0', 'checkpoint_final.pth')).toThrow('is the weights of a model alone');
    await refusal(join(path, 'nothing')).toThrow('no such folder or zip');
    await refusal(folder!).toThrow(`${folder}: holds several models, name one: `);
    rmSync(join(path, 'dataset.json'));
    await refusal(path).toThrow(`${path}: is a model of nnU-Net without dataset.json`);
    rmSync(path, { recursive: true });
    mkdirSync(path);
    await refusal(path).toThrow(`${path}: holds no model`);
    writeFileSync(join(path, 'model.zip'), await zipOf(new Map()));
    await refusal(path).toThrow(`${path}: holds no model; model.zip in it is not looked into, give that one`);
    rmSync(join(path, 'model.zip'));
    writeFileSync(join(path, 'plan.json'), '{}');
    await refusal(path).toThrow(`${path}: holds no weights; a plan becomes a model by training: `);
  });

  test('names are those of the folder’s dataset.json, which says where the checkpoint has others', async () => {
    const path = copied();
    const file = join(path, 'dataset.json');
    const { labels, ...dataset } = JSON.parse(readFileSync(file, 'utf8'));
    const renamed = Object.entries(labels).map(([name, id]) => [id === 2 ? 'Milz' : name, id]);
    const channel_names = { 0: 'CT, portal venous' };
    writeFileSync(file, JSON.stringify({ ...dataset, labels: Object.fromEntries(renamed), channel_names }));
    const model = await read(path);
    expect(model.labelNames[2]).toBe('Milz');
    expect(model.channelNames).toEqual(['CT, portal venous']);
    expect(model.notes).toEqual([
      `${file}: its names are taken, though fold_0/checkpoint_final.pth has others: labels.2 "spleen", not "Milz"`,
    ]);
    expect((await valuesOf(model)).size).toBeGreaterThan(0);
    writeFileSync(file, JSON.stringify({ ...dataset, labels: { ...labels, more: 5 } }));
    await expect(read(path)).rejects.toThrow(
      "its plans or dataset_json are not the folder's: network.classes 5, not 6",
    );
  });

  test('what Python writes for a number that is none does not matter where nothing reads it', async () => {
    const path = copied();
    const plans = readFileSync(join(path, 'plans.json'), 'utf8');
    writeFileSync(join(path, 'plans.json'), plans.replace('{', '{ "seconds": NaN,'));
    expect((await read(path)).network).toMatchObject({ architecture: 'PlainConvUNet' });
  });

  test('plans that are not those of the checkpoint are refused', async () => {
    const path = copied();
    const plans = readFileSync(join(path, 'plans.json'), 'utf8');
    writeFileSync(join(path, 'plans.json'), plans.replaceAll('79.0', '80.0'));
    const refusal = read(path);
    await expect(refusal).rejects.toThrow(InputError);
    await expect(refusal).rejects.toThrow(
      `${path}/fold_0/checkpoint_final.pth: its plans or dataset_json are not the folder's: preprocessing.channels`,
    );
  });
});
