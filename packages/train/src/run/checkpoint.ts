/**
 * Checkpoints: safetensors with MONAI's parameter names and PyTorch's layouts.
 *
 * `checkpoint-best.safetensors` holds the parameters. `checkpoint-latest.safetensors` holds them, the optimiser's
 * moments under PyTorch's names (`optimizer.exp_avg.*`, `optimizer.momentum_buffer.*`), the average of the weights
 * (`optimizer.average.*`), and in its metadata where the run stands and the settings that it was made with.
 * `checkpoint-branch.safetensors` is the latest one as it was where other runs branch.
 */
import { join } from 'node:path';
import { type NamedArrays, namedArrays, type ParameterSpec } from '@organseg/core/network/parameters.ts';
import { encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import { OpenFile } from '@organseg/files/openFile.ts';
import { parseJson } from '@organseg/files/parseJson.ts';
import { readSafetensorsFile, SafetensorsFile } from '@organseg/files/safetensorsFile.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { z } from 'zod';
import { type Config, configSchema, trainingPhase } from '../config/schema.ts';
import { lossScaleState } from '../step/lossScale.ts';
import { MOMENTS, type Moments } from '../step/optimizer.ts';
import { BEST, encodeParameters, namedTensors, OpenParameters, parametersOf } from './openParameters.ts';

export const LATEST = 'checkpoint-latest.safetensors';
export const BRANCH = 'checkpoint-branch.safetensors';

const count = z.int().nonnegative();

/** The state of a run: all that, with the parameters and moments, decides how it goes on. */
const runState = z.object({
  /** Epochs completed. */
  epoch: count,
  /** Steps completed in the next epoch. */
  stepInEpoch: count,
  /** Steps in all, those that were skipped included. */
  step: count,
  /** State of the loss scale; null in f32. */
  lossScale: lossScaleState.nullable().default(null),
  /** Sums over the steps of the unfinished epoch: loss, Dice, cross entropy, and with a teacher the distance to it. */
  lossSums: z.array(z.number()),
  /** Epochs completed at the last validation. */
  validated: count,
  best: z.object({ epoch: count, meanDsc: z.number() }).nullable(),
  /** Epochs completed when the unlabelled scans' labels in use were made; null where none have been. */
  labelled: count.nullable().default(null),
  random: z.object({ seed: z.string(), stream: z.string(), counter: count }),
});
export type RunState = z.infer<typeof runState>;

/** The settings that a checkpoint was made with. */
const madeWith = z.object({ phase: trainingPhase, config: configSchema });
type MadeWith = z.infer<typeof madeWith>;

const prefixOf = (moment: string) => `optimizer.${moment}.`;

/** Writes the parameters of the best checkpoint. */
export async function saveBest(
  folder: string,
  specs: readonly ParameterSpec[],
  values: NamedArrays,
): Promise<void> {
  await writeWhole(join(folder, BEST), encodeParameters(specs, values));
}

/** Writes the latest checkpoint, or that where other runs branch: all that a run goes on from. */
export async function saveCheckpoint(
  path: string,
  specs: readonly ParameterSpec[],
  values: NamedArrays,
  moments: Moments,
  state: RunState,
  { phase, config }: MadeWith,
): Promise<void> {
  const metadata = {
    format: 'pt',
    state: JSON.stringify(state),
    madeWith: JSON.stringify({ phase, config }),
  };
  await save(path, metadata, [
    ...namedTensors(specs, values, ''),
    ...Object.entries(moments).flatMap(([name, values]) => namedTensors(specs, values, prefixOf(name))),
  ]);
}

/** The parameters of a checkpoint file. Throws InputError where it is broken or holds other ones. */
export function loadParameters(path: string, specs: readonly ParameterSpec[]): NamedArrays {
  const file = new OpenParameters(new OpenFile(path), specs);
  try {
    return new Map(specs.map(({ name }) => [name, file.get(name)!]));
  } finally {
    file.close();
  }
}

/** The state of a run. Throws InputError where its latest checkpoint is broken. */
export function loadState(folder: string): RunState {
  const path = join(folder, LATEST);
  const file = new SafetensorsFile(path);
  file.close();
  return stateOf(file, path);
}

/** The settings that a run's latest checkpoint was made with; undefined in those of earlier versions. Throws InputError. */
export function loadMadeWith(folder: string): MadeWith | undefined {
  const path = join(folder, LATEST);
  const file = new SafetensorsFile(path);
  file.close();
  const { madeWith: text } = file.metadata;
  return text === undefined ? undefined : parseJson(text, madeWith, `${path}: its settings`);
}

/** All that a checkpoint holds which a run goes on from. Throws InputError where it is broken or of another network. */
export async function loadCheckpoint(
  path: string,
  specs: readonly ParameterSpec[],
  { optimizer, weightAverage }: Pick<Config, 'optimizer' | 'weightAverage'>,
): Promise<{ parameters: NamedArrays; moments: Moments; state: RunState }> {
  const file = await readSafetensorsFile(path);
  return {
    parameters: namedArrays(specs, { tensors: parametersOf(file.tensors) }, '', path),
    moments: Object.fromEntries(
      [...MOMENTS[optimizer], ...(weightAverage === null ? [] : ['average'])].map((name) => [
        name,
        namedArrays(specs, file, prefixOf(name), path),
      ]),
    ),
    state: stateOf(file, path),
  };
}

function stateOf({ metadata }: Pick<SafetensorsFile, 'metadata'>, path: string): RunState {
  return parseJson(metadata.state ?? '', runState, `${path}: its state`);
}

async function save(
  path: string,
  metadata: Record<string, string>,
  tensors: [string, SafeTensor][],
): Promise<void> {
  await writeWhole(path, encodeSafetensors({ metadata, tensors: new Map(tensors) }));
}
