/** `organseg model`: the network's parameters, or the GPU memory that it takes. */
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { type ActivationType, fastestActivation } from '@organseg/core/network/program.ts';
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import { dhw } from '@organseg/kernels/axes.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { elementCount } from '@organseg/kernels/tensor.ts';
import { parameterLayout, precisionOf } from '@organseg/train/config/network.ts';
import type { PresetName } from '@organseg/train/config/presets.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { inferencePeakBytes, trainingPeakBytes } from '@organseg/train/run/memory.ts';
import { InvalidArgumentError, Option } from 'commander';
import { cardOf, modelPaths } from '../model/box.ts';
import { aligned, factsOf, stageTable } from '../model/describe.ts';
import { memoryOf } from '../model/memory.ts';
import { openWithNotes } from '../model/openWithNotes.ts';
import {
  type ChoicesOptions,
  checkpointOfEachOption,
  choicesOf,
  foldsOfEachOption,
} from '../predict/modelOptions.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { wholeNumber } from '../terminal/optionValues.ts';
import { configOption, presetOption, setOption, settings } from '../train/settings.ts';

interface Options extends CommonOptions, ChoicesOptions {
  model?: string[];
  preset: PresetName;
  config?: string;
  set?: string[];
  memory?: boolean;
  patch?: string;
  batch?: number;
  dtype?: ActivationType;
}

const onlyWithMemory = (option: Option) => option.implies({ memory: true });

export const model = command(
  'model',
  'Describe a model, or print the parameters of a network or the GPU memory that it takes',
)
  .option('--model <path...>', 'a run, an nnU-Net v2 folder or zip, a MONAI bundle, abdomen', modelPaths)
  .addOption(foldsOfEachOption())
  .addOption(checkpointOfEachOption())
  .addOption(presetOption().default('gao2022'))
  .addOption(configOption())
  .addOption(setOption())
  .option('--memory', 'print what training and inference would hold of GPU memory; allocates nothing')
  .addOption(onlyWithMemory(new Option('--patch <D,H,W>', 'instead of the settings’').argParser(patchSize)))
  .addOption(onlyWithMemory(new Option('--batch <n>', 'instead of the settings’').argParser(wholeNumber)))
  .addOption(
    onlyWithMemory(new Option('--dtype <type>', 'instead of the settings’ precision')).choices([
      'f32',
      'f16',
    ]),
  )
  .action(async (options: Options) => {
    if (options.model) return await describe(options, options.model);
    if (options.folds ?? options.checkpoint)
      throw new InputError('--folds and --checkpoint are for --model alone');
    const { patch, batch, dtype } = options;
    const set = [
      ...(options.set ?? []),
      ...(patch ? [`patch=[${patch}]`] : []),
      ...(batch !== undefined ? [`batch=${batch}`] : []),
      ...(dtype ? [`precision=${dtype}`] : []),
    ];
    const config = await settings({ ...options, set });
    if (options.memory) await printMemory(options, config);
    else printParameters(options, config);
  });

async function describe(options: Options, paths: readonly string[]): Promise<void> {
  const meant = (['config', 'set', 'patch', 'batch'] as const).find((key) => options[key] !== undefined);
  if (meant) throw new InputError(`--${meant} is for settings; --model brings its own`);
  const model = await openWithNotes(paths, await choicesOf(options, paths));
  const { count } = networkLayout(model.network);
  const gpu = await openGpu();
  try {
    const { fits, bytes, text } = memoryOf(gpu, model, options.dtype ?? fastestActivation(gpu));
    const facts = [...factsOf(model, count), ['GPU memory', text] as const];
    const width = Math.max(...facts.map(([name]) => name.length));
    const lines = facts.map(([name, what]) => `${name.padEnd(width)}  ${what}`);
    const card = paths.length === 1 ? await cardOf(paths[0]!) : undefined;
    print(
      options,
      { ...model, parameters: count, gpuBytes: bytes, fits, adapter: gpu.adapter.name },
      [...lines, '', ...aligned(stageTable(model.network)), ...(card ? ['', card] : [])].join('\n'),
    );
  } finally {
    gpu.close();
  }
}

function printParameters(options: Options, config: Config): void {
  const { specs, count } = parameterLayout(config);
  const parameters = Object.fromEntries(specs.map(({ name, shape }) => [name, shape]));
  const width = Math.max(...specs.map(({ name }) => name.length));
  const lines = specs.map(
    ({ name, shape }) =>
      `${name.padEnd(width)}  ${String(elementCount(shape)).padStart(9)}  ${shape.join(' × ')}`,
  );
  print(options, { total: count, parameters }, [...lines, `${count} parameters`].join('\n'));
}

/** Size of a large adult's trunk in mm, x, y, z. */
const BODY_MM = [400, 300, 400] as const;

async function printMemory(options: Options, config: Config): Promise<void> {
  const { patch, batch, spacingMm } = config;
  const size = dhw((axis) => Math.ceil(BODY_MM[2 - axis]! / spacingMm[2 - axis]!));
  const gpu = await openGpu();
  try {
    const precision = precisionOf(config, gpu);
    const training = await orFault(trainingPeakBytes(gpu, config, 'initial', size));
    const inference = await orFault(inferencePeakBytes(gpu, config, precision, size));
    const { name } = gpu.adapter;
    const what = `patch ${patch.join(' × ')}, ${precision}, on ${name}`;
    const scans = `scans of ${size.join(' × ')} voxels`;
    print(
      options,
      { adapter: name, patch, batch, precision, scan: size, training, inference },
      [
        `training   ${shown(training)}  batch ${batch}, ${what}; validates on ${scans}`,
        `inference  ${shown(inference)}  ${scans}, ${what}`,
      ].join('\n'),
    );
  } finally {
    gpu.close();
  }
}

type Peak = { readonly peakBytes: number } | { readonly fault: string };

/** The peak, or that it is beyond the adapter's limits, which is a result too. */
async function orFault(peak: Promise<number>): Promise<Peak> {
  try {
    return { peakBytes: await peak };
  } catch (error) {
    if (error instanceof OutOfGpuMemoryError) return { fault: error.message };
    throw error;
  }
}

const shown = (peak: Peak) =>
  'fault' in peak
    ? `does not fit (${peak.fault})`
    : `${(peak.peakBytes / 2 ** 20).toFixed(0).padStart(7)} MiB`;

function patchSize(text: string): string {
  if (!/^\d{1,5}(,\d{1,5}){2}$/.test(text))
    throw new InvalidArgumentError('Expected D,H,W, such as 96,128,128.');
  return text;
}
