/** Models of nnU-Net by commands: folder and zip, joined, of TotalSegmentator, as a teacher; tiny, of random weights. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { networkLayout } from '../../packages/core/src/network/network.ts';
import type { PlainConvUnetConfig } from '../../packages/core/src/network/networkConfig.ts';
import { initialise } from '../../packages/core/src/network/parameters.ts';
import { Random } from '../../packages/core/src/random.ts';
import { affineFromRows, compose, scaleAndShift } from '../../packages/core/src/volume/affine.ts';
import { namesInTable } from '../../packages/core/src/volume/labelTable.ts';
import { axisCodes, toRas } from '../../packages/core/src/volume/orientation.ts';
import { type Volume, xyz } from '../../packages/core/src/volume/volume.ts';
import { readLabelsFile, readNiftiFile, writeNiftiFile } from '../../packages/files/src/nifti.ts';
import { zipOf } from '../../packages/files/src/torch/torchFixture.ts';
import { writeTorchFile } from '../../packages/files/src/torch/writeTorchFile.ts';
import { dhw } from '../../packages/kernels/src/axes.ts';
import { CONFIGURATION, datasetOf, plansOf } from '../../packages/train/src/exported/nnunetPlans.ts';
import { stateDict } from '../../packages/train/src/exported/stateDict.ts';
import { TASKS } from '../../packages/train/src/joined/totalSegmentatorTasks.ts';
import { TINY_NETWORK } from '../../packages/train/test/fixture.ts';
import { cli, cliHere, cliJsonHere, lastLine, shared } from '../cli.ts';

let folder: string;
let data: string;
let model: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'organseg-'));
  [data, model] = [join(folder, 'data'), join(folder, 'model')];
  const counts = ['--labelled', '0', '--unlabelled', '3', '--test', '1'];
  await cliJsonHere(['phantom', '--out', data, ...counts, '--spacing', '10']);
  await writeModel(model, ['background', 'liver', 'spleen']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODEL_NAME = `nnUNetTrainer__nnUNetPlans__${CONFIGURATION}`;

const cube = (n: number) => dhw(() => n);

interface ModelChanges {
  /** What plans.json has otherwise. */
  readonly plans?: object;
  /** Labels that overlap, by name, and the order in which they are written. */
  readonly regions?: { readonly labels: object; readonly order: readonly number[] };
}

/**
 * Writes a folder of nnU-Net v2 with one fold of random weights, which label something everywhere. There are as many
 * regions as labels without the background.
 */
async function writeModel(
  path: string,
  labelNames: readonly string[],
  { plans: changes, regions }: ModelChanges = {},
): Promise<void> {
  const network: PlainConvUnetConfig = {
    architecture: 'PlainConvUNet',
    inputChannels: 1,
    classes: labelNames.length - (regions ? 1 : 0),
    filters: TINY_NETWORK.filters,
    kernels: [cube(3), cube(3)],
    strides: [cube(1), cube(2)],
    convolutions: [1, 1],
    decoderConvolutions: [1],
    transposedBias: true,
  };
  const settings = {
    dataset: 'Dataset001_Random',
    network,
    preprocessing: {
      by: 'organseg' as const,
      spacingMm: xyz(() => 12),
      intensity: { low: -160, high: 240, outside: 'clip' as const },
    },
    patch: cube(16),
    batch: 2,
  };
  const { configurations, ...planned } = plansOf(settings);
  // nnU-Net's own resampling of scans.
  const own = { is_seg: false, order: 3, order_z: 0, force_separate_z: null };
  const configuration = { ...configurations[CONFIGURATION]!, resampling_fn_data_kwargs: own };
  const plans = { ...planned, configurations: { [CONFIGURATION]: configuration }, ...changes };
  const dataset = {
    ...datasetOf('Dataset001_Random', { labelNames, channelNames: ['CT'] }, 1),
    ...(regions && { labels: { background: 0, ...regions.labels }, regions_class_order: regions.order }),
  };
  const values = initialise(networkLayout(network), new Random(labelNames.length));
  mkdirSync(join(path, 'fold_0'), { recursive: true });
  writeFileSync(join(path, 'plans.json'), JSON.stringify(plans));
  writeFileSync(join(path, 'dataset.json'), JSON.stringify(dataset));
  await writeTorchFile(join(path, 'fold_0', 'checkpoint_final.pth'), {
    network_weights: stateDict(network, values),
    init_args: { plans, configuration: CONFIGURATION, fold: 0, dataset_json: dataset, device: 'cpu' },
    trainer_name: 'nnUNetTrainer',
    inference_allowed_mirroring_axes: null,
  });
}

const predict = (out: string, ...options: string[]) =>
  cliHere(['predict', '--input', join(data, 'imagesTs'), '--out', join(folder, out), ...options]);

const labelsIn = async (out: string, name = 'test_000') =>
  (await readLabelsFile(join(folder, out, `${name}.nii.gz`))).data;

test('a folder and its zip label alike', async () => {
  const files = ['plans.json', 'dataset.json', 'fold_0/checkpoint_final.pth'].map(
    (name): [string, Uint8Array] => [
      `Dataset001_Random/${MODEL_NAME}/${name}`,
      readFileSync(join(model, name)),
    ],
  );
  const zip = join(folder, 'model.zip');
  writeFileSync(zip, await zipOf(new Map(files)));
  expect((await predict('of-folder', '--model', model)).code).toBe(0);
  expect((await predict('of-zip', '--model', zip)).code).toBe(0);
  const labels = await labelsIn('of-folder');
  expect(new Set(labels).size).toBeGreaterThan(1);
  expect(await labelsIn('of-zip')).toEqual(labels);
});

test.each([
  [['--spacing', '3'], /prepares scans as nnU-Net does, and says how it resamples; leave --spacing out$/],
  [['--resample', 'labels'], /leave --resample labels out$/],
  [['--task', 'total'], /--task is for --totalsegmentator alone$/],
])('%s is refused before the work begins', async (options, why) => {
  const finished = await predict('refused', '--model', model, ...options);
  expect(finished.code).toBe(1);
  expect(lastLine(finished)).toMatch(why);
  expect(existsSync(join(folder, 'refused'))).toBe(false);
});

test.each([
  ['labels', {}],
  ['labels of transposed axes', { plans: { transpose_forward: [2, 0, 1], transpose_backward: [1, 2, 0] } }],
  ['regions', { regions: { labels: { whole: [1, 2], core: [2] }, order: [1, 2] } }],
])(
  'probabilities of %s agree with the label map, on the scan’s grid or a turned one',
  async (kind, changes) => {
    const [own, input, out] = ['model', 'input', 'out'].map((name) => join(folder, `${kind} ${name}`));
    await writeModel(own!, ['background', 'liver', 'spleen'], changes);
    mkdirSync(input!);
    const scan = toRas(await readNiftiFile(join(data, 'imagesTs', 'test_000_0000.nii.gz')));
    const [nx] = scan.shape;
    for (let x = 0; x < scan.data.length; x++) if (x % nx < 3) scan.data[x] = 0; // what nnU-Net crops
    await writeNiftiFile(join(input!, 'case.nii.gz'), mirrored(scan));
    const args = ['--model', own!, '--input', input!, '--out', out!, '--probabilities', '--dtype', 'f32'];
    expect((await cliHere(['predict', ...args, '--statistics'])).code).toBe(0);
    const labels = toRas(await readLabelsFile(join(out!, 'case.nii.gz')));
    const shares = channelsOf(join(out!, 'case_probabilities.nii'));
    const isOfRegions = kind === 'regions';
    expect(shares).toHaveLength(isOfRegions ? 2 : 3);
    expect(shares[0]!.shape).toEqual(labels.shape);
    for (const [i, value] of labels.affine.entries()) expect(shares[0]!.affine[i]).toBeCloseTo(value, 3);
    const agree = (label: number, i: number): boolean => {
      const all = shares.map(({ data }) => data[i]!);
      if (i % nx < 3) return all.join() === (isOfRegions ? '0,0' : '255,0,0');
      const sum = all.reduce((a, b) => a + b);
      if (!isOfRegions) return Math.abs(sum - 255) < 3 && all[label] === Math.max(...all);
      const [whole, core] = all.map((share) => share - 127.5) as [number, number];
      // The core is written over the whole.
      return (label === 2 ? core : label === 1 ? Math.min(whole, -core) : -Math.max(whole, core)) > -1;
    };
    expect(labels.data.findIndex((label, i) => !agree(label, i))).toBe(-1);
    expect(new Set(labels.data).size).toBeGreaterThan(1);
    if (!isOfRegions) return;
    const { whole, core } = JSON.parse(readFileSync(join(out!, 'case_statistics.json'), 'utf8'));
    const count = (ids: number[]) => labels.data.filter((label) => ids.includes(label)).length;
    expect(whole).toMatchObject({ ids: [1, 2], voxels: count([1, 2]) });
    expect(core).toMatchObject({ ids: [2], voxels: count([2]) });
    expect(core.voxels).toBeGreaterThan(0);
    const unpacked = gunzipSync(readFileSync(join(out!, 'case.nii.gz')));
    expect(namesInTable(unpacked.toString('latin1'))).toEqual(['whole without core', 'core']);
  },
);

/** The volumes of a file of probabilities, turned to RAS+. */
function channelsOf(path: string): Volume<Uint8Array>[] {
  const file = readFileSync(path);
  const [nx, ny, nz, count] = [1, 2, 3, 4].map((axis) => file.readInt16LE(40 + 2 * axis)) as [
    number,
    number,
    number,
    number,
  ];
  const sform = Array.from({ length: 12 }, (_, i) => file.readFloatLE(280 + 4 * i));
  const affine = affineFromRows([0, 4, 8].map((at) => sform.slice(at, at + 4)));
  const voxels = nx * ny * nz;
  return Array.from({ length: count }, (_, c) => {
    const data = Uint8Array.from(file.subarray(352 + c * voxels, 352 + (c + 1) * voxels));
    return toRas({ shape: [nx, ny, nz], affine, data });
  });
}

test('a run that starts from it sees scans as it does, and is itself before it has learnt', async () => {
  const [own, run] = [join(folder, 'own data'), join(folder, 'tuned')];
  for (const part of ['imagesTr', 'labelsTr']) mkdirSync(join(own, part), { recursive: true });
  cpSync(join(data, 'imagesTs', 'test_000_0000.nii.gz'), join(own, 'imagesTr', 'test_000_0000.nii.gz'));
  const described = JSON.parse(readFileSync(join(model, 'dataset.json'), 'utf8'));
  const labels = { background: 0, spleen: 1, liver: 2 }; // the model's in another order
  writeFileSync(join(own, 'dataset.json'), JSON.stringify({ ...described, labels }));
  expect((await predict('taught', '--model', model, '--dtype', 'f32')).code).toBe(0);
  cpSync(join(folder, 'taught', 'test_000.nii.gz'), join(own, 'labelsTr', 'test_000.nii.gz'));
  const settings = ['fineTuning.epochs=1', 'fineTuning.learningRate=1e-12', 'stepsPerEpoch=1'];
  const train = ['train', '--init', model, '--data', own, '--out', run, '--preset', 'small'];
  expect((await cliHere([...train, '--set', ...settings])).code).toBe(0);
  expect((await predict('of tuned', '--model', run, '--dtype', 'f32')).code).toBe(0);
  const taught = await labelsIn('taught');
  expect(await labelsIn('of tuned')).toEqual(taught.map((label) => [0, 2, 1][label]!));
});

test('weights that are no numbers are refused before the work begins', async () => {
  const broken = join(folder, 'broken');
  cpSync(model, broken, { recursive: true });
  const file = join(broken, 'fold_0', 'checkpoint_final.pth');
  const bytes = readFileSync(file);
  const one = Buffer.from(new Float32Array([1, 1, 1, 1]).buffer); // a norm's first weights
  bytes.writeFloatLE(Number.NaN, bytes.indexOf(one));
  writeFileSync(file, bytes);
  expect(lastLine(await predict('refused', '--model', broken))).toMatch(
    /checkpoint_final\.pth: \S+\.norm\.weight holds NaN, no finite number$/,
  );
  expect(existsSync(join(folder, 'refused'))).toBe(false);
});

test('labels joined by a table: later models over earlier ones', async () => {
  const table = join(folder, 'table.json');
  const join2 = (out: string, ...models: object[]) => {
    writeFileSync(table, JSON.stringify({ labels: { first: 1, second: 2, third: 3 }, models }));
    return predict(out, '--model', model, '--model', model, '--join', table);
  };
  expect((await join2('joined', { liver: 'first', spleen: 'second' }, { spleen: 'third' })).code).toBe(0);
  const [own, joined] = [await labelsIn('of-folder'), await labelsIn('joined')];
  expect(joined).toEqual(own.map((label) => [0, 1, 3][label]!));
  const choices = ['--model', model, '--folds', '1', '--folds', '0'];
  expect(lastLine(await predict('refused', '--model', model, ...choices, '--join', table))).toMatch(
    /model: has no fold_1\/checkpoint_final\.pth; its folds are 0$/,
  );
  const thrice = [...choices, '--folds', '0', '--model', model];
  expect(lastLine(await predict('refused', ...thrice))).toMatch(
    /--folds is given 3 times for 2 models of nnU-Net; expected once, or once for each$/,
  );
  const shares = ['--model', model, '--join', table, '--probabilities'];
  expect(lastLine(await predict('refused', '--model', model, ...shares))).toMatch(
    /--probabilities is of one model or an average, not of joined ones$/,
  );
  expect(lastLine(await join2('refused', {}, { spleen: 'third' }))).toMatch(
    /models\.0: no label of .* becomes a joined one; it has background, liver, spleen$/,
  );
  expect(lastLine(await join2('refused', { liver: 1 }))).toMatch(
    /models expects 2 tables, one for each --model; got 1$/,
  );
});

test('TotalSegmentator’s folder: labels on the scan’s own grid, whichever way it is turned', async () => {
  const [results, input] = [join(folder, 'results'), join(folder, 'turned')];
  const names = TASKS.total_fast.parts[0]!.labels;
  const inside = join(results, 'Dataset297_TotalSegmentator_total_3mm_1559subj');
  await writeModel(join(inside, `nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__${CONFIGURATION}`), [
    'background',
    ...names,
  ]);
  mkdirSync(input);
  const scan = toRas(await readNiftiFile(join(data, 'imagesTs', 'test_000_0000.nii.gz')));
  const turned = mirrored(scan);
  expect(axisCodes(turned.affine)).toBe('LAS');
  await writeNiftiFile(join(input, 'ras.nii.gz'), scan);
  await writeNiftiFile(join(input, 'las.nii.gz'), turned);
  const out = join(folder, 'total');
  const { code } = await cliHere([
    ...['predict', '--totalsegmentator', results, '--task', 'total_fast', '--input', input, '--out', out],
    ...['--statistics'],
  ]);
  expect(code).toBe(0);
  const [ras, las] = [
    await readLabelsFile(join(out, 'ras.nii.gz')),
    await readLabelsFile(join(out, 'las.nii.gz')),
  ];
  expect(las.shape).toEqual(scan.shape);
  expect(las.affine).toEqual((await readNiftiFile(join(input, 'las.nii.gz'))).affine);
  expect(new Set(ras.data).size).toBeGreaterThan(3);
  expect(mirrored(las).data).toEqual(ras.data);
  expect(Object.keys(JSON.parse(readFileSync(join(out, 'ras_statistics.json'), 'utf8')))).toEqual(names);

  const total = [
    'predict',
    '--totalsegmentator',
    results,
    '--input',
    input,
    '--out',
    join(folder, 'refused'),
  ];
  expect(lastLine(await cliHere(total))).toMatch(/results: holds no Dataset291_…; one is expected$/);
  cpSync(model, join(inside, MODEL_NAME), { recursive: true });
  expect(lastLine(await cliHere([...total, '--task', 'total_fast']))).toMatch(
    /: holds nnUNetTrainer_4000.*, nnUNetTrainer__.*; one is expected$/,
  );
});

/** A volume with its first axis the other way round; every voxel stays where it is in the world. */
function mirrored<T extends Volume>(volume: T): Volume {
  const [nx] = volume.shape;
  const data = volume.data.slice();
  for (let row = 0; row < data.length; row += nx) data.subarray(row, row + nx).reverse();
  const affine = compose(volume.affine, scaleAndShift([-1, 1, 1], [nx - 1, 0, 0]));
  return { shape: volume.shape, affine, data };
}

test('a teacher labels a data set without labels; the pipeline goes on where it was killed', async () => {
  const [out, config] = [join(folder, 'pipeline'), join(folder, 'tiny.json')];
  const epochs = { epochs: 1, learningRate: 0.01, augment: false };
  const selection = [{ strategy: 'keep-all' }];
  writeFileSync(config, JSON.stringify({ ...TINY_NETWORK, initial: epochs, fineTuning: epochs, selection }));
  const pipeline = ['pipeline', '--data', data, '--out', out, '--preset', 'small', '--config', config];
  const asked = [...pipeline, '--teacher', model];
  const killed = await cli(asked, (stderr, child) => {
    if (/— train/.test(stderr)) child.kill('SIGKILL');
  });
  expect(killed.code).toBeNull();
  expect(killed.stderr).toMatch(/of the teacher’s labels are learnt: liver, spleen/);

  const table = join(folder, 'map.json');
  writeFileSync(table, JSON.stringify({ liver: 'spleen' }));
  expect(lastLine(await cliHere([...asked, '--label-map', table]))).toMatch(
    /pipeline: was made with teacher\.options\.lookup .*; choose another folder for --out$/,
  );
  writeFileSync(table, JSON.stringify({ liver: 'hat' }));
  expect(lastLine(await cliHere([...asked, '--label-map', table]))).toMatch(
    /map\.json: the result has no label hat/,
  );
  expect(lastLine(await cliHere([...pipeline, '--label-map', table]))).toMatch(
    /--label-map is for --teacher alone$/,
  );

  const labels = join(out, 'pseudo-labels', 'unlabelled_000.nii.gz');
  const { mtimeMs } = statSync(labels);
  expect((await cliHere(asked)).code).toBe(0);
  expect(statSync(labels).mtimeMs).toBe(mtimeMs);
  expect(existsSync(join(out, 'report.html'))).toBe(true);
});

const untaught = (from: string, teacher: string) =>
  cliHere([
    ...['pipeline', '--data', from, '--out', join(folder, 'untaught'), '--preset', 'small'],
    ...['--teacher', teacher],
  ]);

test('a teacher without scans to label is refused before the work begins', async () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  cpSync(join(data, 'dataset.json'), join(empty, 'dataset.json'));
  expect(lastLine(await untaught(empty, model))).toMatch(/empty: imagesUn holds no CASE_0000\.nii\.gz/);
  expect(existsSync(join(folder, 'untaught'))).toBe(false);
});

const TWO_CHANNELS = shared('golden/nnunet/twochannel');

test.skipIf(!TWO_CHANNELS)(
  'a teacher of several channels is refused before the work begins (skipped where ../shared is not there)',
  async () => {
    expect(lastLine(await untaught(data, TWO_CHANNELS!))).toMatch(
      /twochannel: reads the channels T1, T2, those of the data set are CT$/,
    );
    expect(existsSync(join(folder, 'untaught'))).toBe(false);
  },
);
