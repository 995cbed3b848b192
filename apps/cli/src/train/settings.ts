/**
 * The settings of a run as `train`, `pipeline`, `model` and `augment` take them: a preset, a file over it, and single
 * values over both.
 */
import { basename } from 'node:path';
import { readJsonFile } from '@organseg/files/json.ts';
import { settingsOfModel } from '@organseg/train/config/modelSettings.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { NnunetChoice } from '@organseg/train/imported/nnunet/choice.ts';
import { isPlansFile, settingsOfPlans } from '@organseg/train/plan/settingsOfPlans.ts';
import { openModel } from '@organseg/train/predict/openModel.ts';
import { isRun, readRun } from '@organseg/train/run/runFolder.ts';
import { Option } from 'commander';
import { z } from 'zod';
import { say } from '../terminal/command.ts';

export interface SettingsOptions {
  readonly preset?: PresetName;
  readonly config?: string;
  readonly set?: string[];
}

export const presetOption = () =>
  new Option('--preset <name>', 'settings to start from').choices(Object.keys(PRESETS));
export const configOption = () =>
  new Option(
    '--plan, --config <file>',
    'JSON file with settings over the preset’s, such as those of plan, or nnU-Net’s plans',
  );
export const setOption = () =>
  new Option('--set <key=value...>', 'settings over both, such as initial.epochs=100');
export const preparedOption = () =>
  new Option(
    '--prepared <dir>',
    'folder of prepared cases, as of preprocess; runs on the same data may share it (default: in --out)',
  );

const DEFAULT: PresetName = 'gao2022';

/** The settings of the command line, and what they started from: a preset, or the file that leaves nothing to one. */
export interface StartedSettings {
  readonly config: Config;
  readonly start: string;
}

/**
 * The settings of the command line: a preset's, or those of the run or model to start from, with the file and single
 * values over them. Throws InputError that names what is wrong.
 */
export const settings = async (
  options: SettingsOptions,
  init?: string,
  choice?: NnunetChoice,
): Promise<Config> => (await startedSettings(options, init, choice)).config;

/** Those settings with their start. Throws InputError that names what is wrong. */
export async function startedSettings(
  { preset, config: path, set = [] }: SettingsOptions,
  init?: string,
  choice?: NnunetChoice,
): Promise<StartedSettings> {
  const base = init === undefined ? (preset ?? DEFAULT) : await settingsFrom(init, choice, preset);
  const file = path ? { path, value: await readJsonFile(path, z.unknown()) } : undefined;
  const config = isPlansFile(file?.value) ? withPlans(base, file!, set) : resolveConfig(base, file, set);
  if (preset) return { config, start: preset };
  if (file && isWhole(file.value)) return { config, start: basename(file.path) };
  if (!init) say(`no --preset given: ${DEFAULT}, which needs a GPU`);
  return { config, start: DEFAULT };
}

/** The settings with the network, grid, patch and batch of nnU-Net's plans. */
const withPlans = (
  base: PresetName | Config,
  { path, value }: { path: string; value: unknown },
  set: string[],
) =>
  resolveConfig(
    settingsOfPlans(typeof base === 'string' ? PRESETS[base] : base, { path, json: value }),
    undefined,
    set,
  );

/** Whether a file's settings leave nothing to a preset, as those of `plan`. */
const isWhole = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(PRESETS[DEFAULT]).every((key) => key in value);

/** A run's settings, or a preset's where it is named. A model from elsewhere says part of them, a preset the rest. */
async function settingsFrom(
  init: string,
  choice: NnunetChoice | undefined,
  preset: PresetName | undefined,
): Promise<PresetName | Config> {
  if (isRun(init)) return preset ?? (await readRun(init)).config;
  if (!preset) say(`no --preset given: ${DEFAULT}’s settings, but for what ${init} says`);
  const base = PRESETS[preset ?? DEFAULT];
  return { ...base, ...settingsOfModel(await openModel(init, choice), base) };
}
