/** The models that come with the program. */
import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readBytes } from '@organseg/files/read.ts';

/** In a bundle it lies beside the folder of the programs. */
const BOX = fileURLToPath(
  new URL(extname(import.meta.url) === '.ts' ? '../../../../models' : '../models', import.meta.url),
);

/** The model in the box that is taken where none is named, whatever the working directory holds. */
export const DEFAULT_MODEL = join(BOX, 'abdomen');

/** What is said of a model: its card. */
const CARD = 'README.md';

/** The folder of the model in the box of this name; anything else is the path that it is. */
export function modelPath(given: string): string {
  const boxed = join(BOX, given);
  return given === basename(given) && !existsSync(given) && existsSync(join(boxed, CARD)) ? boxed : given;
}

/** The same of an option that may be given more than once. */
export const modelPaths = (given: string, before: readonly string[] = []): string[] => [
  ...before,
  modelPath(given),
];

/** The card of a model that has one. */
export async function cardOf(model: string): Promise<string | undefined> {
  const path = join(model, CARD);
  return existsSync(path) ? (await readBytes(path)).toString().trimEnd() : undefined;
}
