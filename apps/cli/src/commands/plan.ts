/** `organseg plan`: the settings that a data set asks for, from its fingerprint. */
import { dirname, join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import { plural } from '@organseg/core/words.ts';
import { openDataset, openImages } from '@organseg/files/dataset.ts';
import { assertNew, assertOutside, caseFoldersOf } from '@organseg/files/outputs.ts';
import { makeFolder, writeWhole } from '@organseg/files/write.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { PRESETS } from '@organseg/train/config/presets.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { datasetName } from '@organseg/train/exported/nnunet.ts';
import { channelSettings, plannedNormalisations } from '@organseg/train/plan/channelSettings.ts';
import { type Fingerprint, gridsOf } from '@organseg/train/plan/fingerprint.ts';
import { fingerprintOf } from '@organseg/train/plan/fingerprintFolder.ts';
import { PLANNERS, type PlannerName, planNnunet } from '@organseg/train/plan/planNnunet.ts';
import { openPlannedDataset, type PlannedDataset } from '@organseg/train/plan/plannedDataset.ts';
import {
  fitsGpu,
  type PlannedSettings,
  planSettings,
  settingsOfNnunet,
} from '@organseg/train/plan/planSettings.ts';
import { plansFileOf } from '@organseg/train/plan/plansFile.ts';
import { Option } from 'commander';
import { memoryCap } from '../gpu/withGpu.ts';
import { inColumns, planLines } from '../plan/planTable.ts';
import { type CommonOptions, command, print, say } from '../terminal/command.ts';
import { interruptible } from '../terminal/interruptible.ts';
import { progress } from '../terminal/progress.ts';

const PLANNED_PRESETS = ['copy-paste', 'noisy-student', 'gao2022'] as const;
type PlannedPreset = (typeof PLANNED_PRESETS)[number];
const CONFIGURATION = '3d_fullres';
const [MIB, GIB] = [2 ** 20, 2 ** 30];
const DEFAULT_MEMORY_MIB = 2048;

interface Options extends CommonOptions {
  data: string;
  like?: PlannerName;
  /** Bytes. */
  memory?: number;
  preset?: PlannedPreset;
  configuration: string;
  fingerprint?: string;
  out: string;
  nnunetPlans?: string;
}

export const plan = command(
  'plan',
  'Plan a training from the data: spacing, network, patch, batch, intensities',
)
  .requiredOption('--data <dir>', 'data set in nnU-Net’s layout')
  .addOption(
    new Option('--like <planner>', 'plan as this planner of nnU-Net, memory judged by its table').choices(
      Object.keys(PLANNERS),
    ),
  )
  .option(
    '--memory <MiB>',
    `of GPU memory to fill (default: ${DEFAULT_MEMORY_MIB}; with --like the planner’s own)`,
    memoryCap,
  )
  .addOption(
    new Option(
      '--preset <name>',
      'how to train (default: copy-paste with unlabelled scans, else noisy-student)',
    ).choices(PLANNED_PRESETS),
  )
  .option('--configuration <name>', 'of nnU-Net’s', CONFIGURATION)
  .option('--fingerprint <dir>', 'folder of the fingerprint (default: fingerprint, beside --out)')
  .option('--out <file>', 'the settings, for train --config', 'plan.json')
  .option('--nnunet-plans <file>', 'with --like: write nnU-Net’s plans too')
  .action(async (options: Options) => {
    refuseUnplanned(options);
    const dataset = await openPlannedDataset(options.data);
    const { notes, fault } = await asTrained(options.data);
    const onFiles = dataset.fingerprint ? [] : notes;
    for (const note of [...onFiles, ...dataset.channelNames.flatMap(noteOnCt)]) say(note);
    await interruptible(async (signal) => {
      const fingerprint = dataset.fingerprint ?? (await withProgress(dataset, options, signal));
      await planBy(fingerprint, dataset, options, fault);
    });
  });

/** Throws InputError before anything is read. */
function refuseUnplanned({ configuration, data, fingerprint, like, nnunetPlans, out }: Options): void {
  if (configuration !== CONFIGURATION)
    throw new InputError(
      `configuration ${configuration}: ${CONFIGURATION} alone is planned, no 2D network and no cascade`,
    );
  if (nnunetPlans && !like) throw new InputError('--nnunet-plans expects --like, a planner of nnU-Net');
  for (const file of [out, nnunetPlans]) if (file) assertNew(file);
  const folders = { '--out': dirname(out), '--nnunet-plans': nnunetPlans && dirname(nnunetPlans) };
  for (const [option, folder] of Object.entries({ ...folders, '--fingerprint': fingerprint }))
    if (folder) assertOutside(folder, caseFoldersOf(data), `choose another folder for ${option}`);
}

async function withProgress(
  dataset: PlannedDataset,
  { out, fingerprint = join(dirname(out), 'fingerprint') }: Options,
  signal: AbortSignal,
): Promise<Fingerprint> {
  let bar: ReturnType<typeof progress> | undefined;
  const onCase = (done: number) => {
    bar ??= progress('reading cases', dataset.cases.length, 'cases', done);
    bar.update(done);
  };
  try {
    return await fingerprintOf(dataset, fingerprint, { onCase, signal });
  } finally {
    bar?.finish();
  }
}

/** Writes and prints the plan. Throws InputError, once it is printed, where training does not take the data set. */
async function planBy(
  fingerprint: Fingerprint,
  dataset: PlannedDataset,
  options: Options,
  fault: string | undefined,
): Promise<void> {
  const { data, out, like, memory, nnunetPlans } = options;
  const { preset, presetReason } = await presetOf(options, dataset);
  const { channelNames } = dataset;
  const own = channelSettings(PRESETS[preset], plannedNormalisations(channelNames, fingerprint));
  const base: Config = { ...PRESETS[preset], classes: dataset.labels, ...own };
  const trainingCases = (like && dataset.statedCases) ?? fingerprint.spacings.length;
  const nnunet =
    like &&
    planNnunet({
      ...gridsOf(fingerprint),
      labels: dataset.labels,
      cases: trainingCases,
      planner: like,
      ...(memory && { memoryGb: memory / GIB }),
    });
  const planned =
    nnunet && like ? settingsOfNnunet(base, nnunet, like) : await planForGpu(base, fingerprint, memory);
  const { config } = planned;
  if (nnunet && nnunetPlans)
    await writeJson(
      nnunetPlans,
      plansFileOf(nnunet, fingerprint, { ...dataset, dataset: datasetName(data), planner: like }),
    );
  if (!fault) await writeJson(out, config);
  const inWords = like
    ? `${memory ? memory / GIB : PLANNERS[like].memoryGb} GB, as ${PLANNERS[like].name} judges`
    : `${(memory ?? DEFAULT_MEMORY_MIB * MIB) / MIB} MiB`;
  const share = PLANNERS[like ?? 'nnunet'].datasetShare;
  const lines = planLines({
    ...planned,
    dataset,
    fingerprint,
    memory: inWords,
    batchShare: `${share * 100} % of the voxels of ${plural(trainingCases, 'case')}`,
    preset,
    presetReason,
  });
  const end = fault ? '' : `\n${out}: written, for train --config`;
  print(
    options,
    { preset, config, grid: planned.grid, limits: planned.limits, fault: fault ?? null },
    `${inColumns(lines)}${end}`,
  );
  if (fault) throw new InputError(`${out}: not written, since this cannot be trained yet: ${fault}`);
}

async function presetOf(
  { data, preset }: Options,
  { channelNames }: PlannedDataset,
): Promise<{ preset: PlannedPreset; presetReason: string }> {
  if (preset) return { preset, presetReason: 'asked for' };
  const { cases } = await openImages(join(data, 'imagesUn'), channelNames);
  return cases.length
    ? { preset: 'copy-paste', presetReason: `${plural(cases.length, 'unlabelled scan')} in imagesUn` }
    : { preset: 'noisy-student', presetReason: 'nnU-Net’s, as there are no unlabelled scans' };
}

async function planForGpu(
  base: Config,
  fingerprint: Fingerprint,
  memoryCapBytes = DEFAULT_MEMORY_MIB * MIB,
): Promise<PlannedSettings> {
  const gpu = await openGpu({ memoryCapBytes });
  try {
    return await planSettings(base, gridsOf(fingerprint), fitsGpu(gpu));
  } finally {
    gpu.close();
  }
}

/** What the user should know of the data set's files, and why training does not take it; undefined where it does. */
async function asTrained(data: string): Promise<{ notes: readonly string[]; fault?: string }> {
  try {
    return { notes: (await openDataset(data)).notes };
  } catch (error) {
    if (error instanceof InputError) return { notes: [], fault: error.message };
    throw error;
  }
}

/** What is said of a channel that sounds like CT and is none to nnU-Net. */
const noteOnCt = (name: string): string[] =>
  isCt(name) && name.toLowerCase() !== 'ct'
    ? [
        `the channel ${name} is not planned as CT: by nnU-Net’s rule CT alone is, by this name in dataset.json`,
      ]
    : [];

async function writeJson(path: string, value: object): Promise<void> {
  await makeFolder(dirname(path));
  await writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
