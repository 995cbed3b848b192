/** `organseg augment`: sheets of pictures of what the augmentations do to a case. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { Random } from '@organseg/core/random.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { assertNothingLost, caseFoldersOf } from '@organseg/files/outputs.ts';
import { writeWhole } from '@organseg/files/write.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { runOnce } from '@organseg/kernels/kernel.ts';
import { download, downloadF32, fromArray, release } from '@organseg/kernels/tensor.ts';
import type { Augmentation } from '@organseg/train/config/augmentations.ts';
import { assertChannels } from '@organseg/train/config/channels.ts';
import type { PresetName } from '@organseg/train/config/presets.ts';
import { type AugmentSettings, augment as augmentPatch, sizeToCut } from '@organseg/train/data/augment.ts';
import { CaseStore } from '@organseg/train/data/caseStore.ts';
import { openPreparedCase } from '@organseg/train/data/openPreparedCase.ts';
import { samplePatch } from '@organseg/train/data/patchSampler.ts';
import { preparedFor } from '@organseg/train/data/prepareImage.ts';
import { z } from 'zod';
import { withGpu } from '../gpu/withGpu.ts';
import { augmentSheet, type SheetPatch } from '../pictures/augmentSheet.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';
import { configOption, presetOption, setOption, settings } from '../train/settings.ts';

interface Options extends CommonOptions {
  data: string;
  case: string;
  out: string;
  preset: PresetName;
  config?: string;
  set?: string[];
}

/** Number of draws, beside the patch as it is, of each augmentation alone, and of all together. */
const [ALONE, TOGETHER] = [4, 10];

export const augment = command('augment', 'Draw what the augmentations do to a case, as sheets of PNGs')
  .requiredOption('--data <dir>', 'data set in nnU-Net’s layout')
  .requiredOption('--case <name>', 'a labelled case of it')
  .requiredOption('--out <dir>', 'folder for NAME.png of each augmentation alone, and all.png')
  .addOption(presetOption().default('gao2022'))
  .addOption(configOption())
  .addOption(setOption())
  .action(async (options: Options) => {
    const { data, out } = options;
    const dataset = await openDataset(data);
    const source = dataset.labelled.find(({ name }) => name === options.case);
    if (!source) throw new InputError(`${data}: imagesTr holds no case ${options.case}`);
    const config = { ...(await settings(options)), classes: dataset.labelNames.length };
    assertChannels(config, dataset);
    const { augmentations, patch, spacingMm } = config;
    const alone = augmentations.flatMap(always);
    const names = [...alone.map(([name]) => name), 'all'].map((name) => `${name}.png`);
    const draw = () =>
      withGpu({}, async ({ gpu }, signal) => {
        const { channelNames } = dataset;
        const store = new CaseStore(
          gpu,
          join(out, 'prepared'),
          preparedFor(config, channelNames),
          config.classes,
        );
        await store.prepare(source);
        const prepared = openPreparedCase(store.paths(source));
        /** A draw of the augmentations at one place in the body, the same each time. */
        const sheetPatch = async (list: readonly Augmentation[], number: number): Promise<SheetPatch> => {
          const random = new Random(config.seed).fork(number);
          const sheet = { augmentations: list, patch, spacingMm };
          const size = sizeToCut(sheet, random);
          const place = new Random(config.seed).fork('place');
          return await augmented(gpu, samplePatch(prepared, patch, 'organ', place, size), sheet, random);
        };
        const bar = progress('sheets', alone.length + 1, 'sheets');
        const files: string[] = [];
        const write = async (name: string, list: readonly Augmentation[], draws: number) => {
          signal.throwIfAborted();
          const patches = [await sheetPatch([], 0)];
          for (let number = 1; number <= draws; number++) patches.push(await sheetPatch(list, number));
          const path = join(out, `${name}.png`);
          await writeWhole(path, [augmentSheet(patches, patch, spacingMm)]);
          files.push(path);
          bar.update(files.length, name);
        };
        for (const [name, augmentation] of alone) await write(name, [augmentation], ALONE);
        await write('all', augmentations, TOGETHER);
        bar.finish();
        prepared.close();
        print(
          options,
          { out, files },
          `${files.length} sheets in ${out}: the patch as it is, then ${ALONE} draws of each augmentation alone, ${TOGETHER} of all`,
        );
      });
    await whileLocked(out, async () => {
      await openSheets(out, names, data);
      await draw();
    });
  });

const SHEETS = 'sheets.json';

/** Names the sheets in `sheets.json` before they are drawn. Throws InputError where other files would be replaced. */
async function openSheets(out: string, names: readonly string[], data: string): Promise<void> {
  const path = join(out, SHEETS);
  const before = existsSync(path)
    ? await readJsonFile(path, z.object({ files: z.array(z.string()) }))
    : undefined;
  await assertNothingLost({
    folder: out,
    files: [SHEETS, ...names],
    own: before ? [SHEETS, ...before.files] : [],
    inputs: caseFoldersOf(data),
  });
  const files = [...new Set([...names, ...(before?.files ?? [])])];
  await writeWhole(path, `${JSON.stringify({ files }, null, 2)}\n`);
}

/** An augmentation as one that always happens, under the name of its sheet; the three parts of a resampling apart. */
function always(augmentation: Augmentation, place: number): [string, Augmentation][] {
  const number = String(place + 1).padStart(2, '0');
  if (augmentation.kind === 'mirror') return [[`${number}-mirror`, augmentation]];
  if (augmentation.kind !== 'spatial') {
    const inverted = augmentation.kind === 'gamma' && augmentation.inverted ? '-inverted' : '';
    return [[`${number}-${augmentation.kind}${inverted}`, { ...augmentation, probability: 1 }]];
  }
  const parts = ['rotation', 'scaling', 'elastic'] as const;
  return parts.map((only) => {
    const part = (name: (typeof parts)[number]) => ({ probability: Number(name === only) });
    return [
      `${number}-${only}`,
      {
        ...augmentation,
        rotation: { ...augmentation.rotation, ...part('rotation') },
        scaling: { ...augmentation.scaling, ...part('scaling') },
        elastic: { ...augmentation.elastic, ...part('elastic') },
      },
    ];
  });
}

async function augmented(
  gpu: Gpu,
  { image, labels, size }: ReturnType<typeof samplePatch>,
  sheet: AugmentSettings,
  random: Random,
): Promise<SheetPatch> {
  // The first channel alone is drawn.
  const first = image.subarray(0, labels.length);
  const tensors = { images: [fromArray(gpu, first, size)], labels: fromArray(gpu, labels, size) };
  const work = augmentPatch(gpu, tensors, sheet, random);
  runOnce(gpu, work.launches);
  const result = {
    image: await downloadF32(gpu, work.images[0]!),
    labels: (await download(gpu, work.labels)) as Uint8Array,
  };
  release(gpu, ...tensors.images, tensors.labels, ...work.scratch);
  return result;
}
