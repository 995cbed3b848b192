/** The settings and the first weights that a run was started with, and whether they are still the same. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { differences } from '@organseg/files/differences.ts';
import { sha256Of } from '@organseg/files/fileRecord.ts';
import type { NnunetChoice } from '../imported/nnunet/choice.ts';
import { BRANCH, loadMadeWith, loadState } from './checkpoint.ts';
import { openInitial } from './openInitial.ts';
import type { RunDescription } from './runDescription.ts';
import { bestCheckpoint } from './runFolder.ts';

/**
 * Throws InputError, which names the differences, where the settings of a run's config.json are not those that its latest
 * checkpoint was made with, or the best checkpoint that it knows of is missing. Of a run of an earlier version it is only
 * known whether it has gone further than config.json asks for.
 */
export function assertSameSettings(folder: string, { phase, config }: RunDescription): void {
  const description = join(folder, 'config.json');
  const { epoch, best } = loadState(folder);
  const before = loadMadeWith(folder);
  if (before) {
    const [was, is] = [before, { phase, config }].map((each) => ({ stage: each.phase, ...each.config }));
    const changed = [...differences(was, is)];
    if (changed.length)
      throw new InputError(`${description}: the run was made with ${changed.join('; ')}; put that back`);
  } else if (epoch > config[phase].epochs) {
    throw new InputError(
      `${description}: ${phase}.epochs is ${config[phase].epochs}, the run has gone through ${epoch}`,
    );
  }
  if (best && !existsSync(bestCheckpoint(folder)))
    throw new InputError(
      `${bestCheckpoint(folder)}: is missing, the weights of epoch ${best.epoch}; put it back, or train anew`,
    );
}

/**
 * Throws InputError where the model that this run started from has other weights now. Once it has a checkpoint of its
 * own, that model may be gone.
 */
export async function assertSameWeights(
  folder: string,
  { init, initChoice, branches, initWeights }: RunDescription,
  hasCheckpoint: boolean,
): Promise<void> {
  if (!init || !initWeights) return;
  const found = await weightsOf(init, initChoice, branches).catch((error: unknown) => {
    if (hasCheckpoint && error instanceof InputError) return undefined;
    throw error;
  });
  if (found && found.sha256 !== initWeights)
    throw new InputError(`${folder}: was started from other weights than ${found.path} holds now`);
}

async function weightsOf(
  init: string,
  choice: NnunetChoice | undefined,
  branches: boolean,
): Promise<{ path: string; sha256: string }> {
  if (branches) return { path: join(init, BRANCH), sha256: await branchDigest(init) };
  const { weights } = await openInitial(init, choice);
  return { path: weights.path, sha256: await weights.sha256() };
}

/** The SHA-256 of the checkpoint that a run kept for others to branch from. Throws InputError. */
export const branchDigest = (run: string): Promise<string> => sha256Of(join(run, BRANCH));
