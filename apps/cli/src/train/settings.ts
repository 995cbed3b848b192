/**
 * The settings of a run as `train`, `pipeline`, `model` and `augment` take them: a preset, a file over it, and single
 * values over both.
 */
import { readJsonFile } from '@organseg/files/json.ts';
import { PRESETS, type PresetName } from '@organseg/train/config/presets.ts';
import { resolveConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { readRun } from '@organseg/train/run/runFolder.ts';
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
export const configOption = () => new Option('--config <file>', 'JSON file with settings over the preset’s');
export const setOption = () =>
  new Option('--set <key=value...>', 'settings over both, such as initial.epochs=100');

/**
 * The settings of the command line: a preset's, or those of the run to start from, with the file and single values over
 * them. Throws InputError that names what is wrong.
 */
export async function settings(
  { preset, config: path, set = [] }: SettingsOptions,
  init?: string,
): Promise<Config> {
  const base = preset ?? (init ? (await readRun(init)).config : 'gao2022');
  const config = resolveConfig(
    base,
    path ? { path, value: await readJsonFile(path, z.unknown()) } : undefined,
    set,
  );
  if (!preset && !init) say('no --preset given: gao2022, which needs a GPU');
  return config;
}
