/**
 * Checkpoints: safetensors with MONAI's parameter names and PyTorch's layouts.
 *
 * `checkpoint-best.safetensors` holds the parameters. `checkpoint-latest.safetensors` holds them, the optimiser's
 * moments under `optimizer.exp_avg.*` and `optimizer.exp_avg_sq.*`, and in its metadata where the run stands.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { NamedArrays, ParameterSpec } from '@organseg/core/network/parameters.ts';
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from '@organseg/core/network/safetensors.ts';
import type { RandomState } from '@organseg/core/random.ts';
import { writeWhole } from './files.ts';
import type { AdamMoments } from './optimizer.ts';

export const BEST = 'checkpoint-best.safetensors';
export const LATEST = 'checkpoint-latest.safetensors';

/** Where a run stands: all that, with the parameters and moments, decides how it goes on. */
export interface RunState {
  /** Epochs completed, and steps completed in the next one. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  /** Optimiser steps in all. */
  readonly step: number;
  /** Sums over the steps of the unfinished epoch: loss, Dice, cross entropy. */
  readonly lossSums: readonly [number, number, number];
  /** The last epoch that was validated. */
  readonly validated: number;
  readonly best: { readonly epoch: number; readonly meanDsc: number } | null;
  readonly random: RandomState;
}

const MOMENTS = { expAvg: 'optimizer.exp_avg.', expAvgSq: 'optimizer.exp_avg_sq.' } as const;

/** Writes parameters alone. */
export async function saveBest(
  folder: string,
  specs: readonly ParameterSpec[],
  values: NamedArrays,
): Promise<void> {
  await save(join(folder, BEST), { format: 'pt' }, named(specs, values, ''));
}

export async function saveLatest(
  folder: string,
  specs: readonly ParameterSpec[],
  values: NamedArrays,
  moments: AdamMoments,
  state: RunState,
): Promise<void> {
  await save(join(folder, LATEST), { format: 'pt', state: JSON.stringify(state) }, [
    ...named(specs, values, ''),
    ...named(specs, moments.expAvg, MOMENTS.expAvg),
    ...named(specs, moments.expAvgSq, MOMENTS.expAvgSq),
  ]);
}

/** The parameters of a checkpoint file. Throws InputError. */
export async function loadParameters(path: string): Promise<NamedArrays> {
  const { tensors } = await read(path);
  return floats(
    path,
    [...tensors].filter(([name]) => !name.startsWith('optimizer.')),
  );
}

/** Where a run stands. */
export async function loadState(folder: string): Promise<RunState> {
  const path = join(folder, LATEST);
  const { metadata } = await read(path);
  if (!metadata.state) throw new InputError(`${path}: holds no state to resume from`);
  return JSON.parse(metadata.state) as RunState;
}

export async function loadLatest(
  folder: string,
): Promise<{ parameters: NamedArrays; moments: AdamMoments; state: RunState }> {
  const path = join(folder, LATEST);
  const { tensors } = await read(path);
  const under = (prefix: string) =>
    floats(
      path,
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  return {
    parameters: await loadParameters(path),
    moments: { expAvg: under(MOMENTS.expAvg), expAvgSq: under(MOMENTS.expAvgSq) },
    state: await loadState(folder),
  };
}

async function read(path: string) {
  try {
    return decodeSafetensors(await readFile(path), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new InputError(`${path}: no such file`);
    throw error;
  }
}

async function save(
  path: string,
  metadata: Record<string, string>,
  tensors: [string, SafeTensor][],
): Promise<void> {
  async function* parts() {
    yield* encodeSafetensors({ metadata, tensors: new Map(tensors) });
  }
  await writeWhole(path, parts());
}

function named(specs: readonly ParameterSpec[], values: NamedArrays, prefix: string): [string, SafeTensor][] {
  return specs.map(({ name, shape }) => [`${prefix}${name}`, { shape, values: values.get(name)! }]);
}

function floats(path: string, entries: [string, SafeTensor][]): NamedArrays {
  return new Map(
    entries.map(([name, { values }]) => {
      if (values instanceof Float32Array) return [name, values];
      if (values instanceof Float16Array) return [name, new Float32Array(values)];
      throw new InputError(`${path}: ${name} expects F32 or F16`);
    }),
  );
}
