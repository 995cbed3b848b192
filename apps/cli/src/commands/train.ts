import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { resolveConfig } from '@organseg/train/config.ts';
import { PRESETS, type PresetName } from '@organseg/train/presets.ts';
import { readRun } from '@organseg/train/run.ts';
import { resumeRun, startRun } from '@organseg/train/trainRun.ts';
import { Option } from 'commander';
import { type CommonOptions, command, print, say } from '../command.ts';
import { withGpu } from '../session.ts';
import { trainingProgress } from '../trainingProgress.ts';

interface Options extends CommonOptions {
  data?: string;
  out: string;
  preset?: PresetName;
  config?: string;
  set: string[];
  init?: string;
  pseudo?: string;
  resume?: boolean;
}

/** The options that settle a run's settings; `pipeline` has them too. */
export const presetOption = () =>
  new Option('--preset <name>', 'settings to start from').choices(Object.keys(PRESETS));
export const configOption = () => new Option('--config <file>', 'JSON file with settings over the preset’s');
export const setOption = () =>
  new Option('--set <key=value...>', 'settings over both, such as initial.epochs=100').default([]);

export const train = command('train', 'Train on labelled cases, or fine-tune with pseudo-labels')
  .option('--data <dir>', 'data set in nnU-Net’s layout')
  .requiredOption('--out <run>', 'folder of the run')
  .addOption(presetOption())
  .addOption(configOption())
  .addOption(setOption())
  .option('--init <run>', 'fine-tune from the best checkpoint of this run, with its settings')
  .option('--pseudo <dir>', 'learn from these pseudo-labels too')
  .option('--resume', 'go on with the run in --out')
  .action(async (options: Options) => {
    await withGpu({}, async (gpu, signal) => {
      const hooks = { ...trainingProgress('training'), signal };
      const result = options.resume
        ? await resumeRun(gpu, await resumable(options), hooks)
        : await startRun(gpu, { ...(await request(options)) }, hooks);
      hooks.finish();
      const { finished, epoch, best } = result;
      const score = best
        ? `best validation DSC ${best.meanDsc.toFixed(4)} in epoch ${best.epoch}`
        : 'not validated yet';
      const how = finished ? 'trained' : 'stopped; --resume continues';
      print(options, { run: options.out, ...result }, `${options.out}: ${how}, epoch ${epoch}, ${score}`);
    });
  });

async function request({ data, out, preset, config, set, init, pseudo }: Options) {
  if (!data) throw new InputError('train: --data is needed to start a run');
  return { data, out, init, pseudo, config: await settings({ preset, config, set }, init) };
}

async function resumable({ out, ...others }: Options): Promise<string> {
  const given = (['data', 'preset', 'config', 'init', 'pseudo'] as const).find(
    (key) => others[key] !== undefined,
  );
  if (given || others.set.length) {
    throw new InputError(
      `train: --resume goes on with the settings in ${join(out, 'config.json')}; leave out --${given ?? 'set'}`,
    );
  }
  return out;
}

/** The preset, file and settings of the command line; without a preset those of the run to start from. */
export async function settings(
  { preset, config, set }: { preset?: PresetName | undefined; config?: string | undefined; set: string[] },
  init?: string,
) {
  const base = preset ?? (init ? (await readRun(init)).config : 'gao2022');
  if (!preset && !init) say('no --preset given: gao2022, which needs a GPU');
  return resolveConfig(base, config ? { path: config, value: await readJson(config) } : undefined, set);
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new InputError(`${path}: cannot be read`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${path}: is not JSON: ${(error as Error).message}`);
  }
}
