/** Tables that say which labels of a model become which of another set of labels: by name or by number. */
import { InputError } from '@organseg/core/inputError.ts';
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import { check } from '@organseg/files/parseJson.ts';
import { z } from 'zod';
import type { Model } from '../predict/model.ts';

/** A label by its name or its number. */
const label = z.union([z.string(), z.int().nonnegative()], {
  error: 'expected the name or the number of a label',
});

/** From labels of a model to other labels; those it does not name become background. */
export const labelTable = z.record(z.string(), label);
export type LabelTable = z.infer<typeof labelTable>;

/** The joined labels, and a table for each model. */
export const joinTable = z.strictObject({
  /** Numbers by name, as in dataset.json. */
  labels: z.record(
    z.string(),
    z
      .int()
      .nonnegative()
      .max(MAX_CLASSES - 1),
  ),
  models: z.array(labelTable).min(1),
});
export type JoinTable = z.infer<typeof joinTable>;

/**
 * What each id of a model's label maps becomes; where its labels are regions, what the last region that holds the id
 * becomes. Throws InputError that names `source` where a label is none of those that there are, or stands twice, by name
 * and by number.
 */
export function lookupOf(
  table: LabelTable,
  { labelNames: from, regions }: Pick<Model, 'labelNames' | 'regions'>,
  to: readonly string[],
  source: string,
): Uint8Array {
  const lookup = new Uint8Array(from.length);
  const asked = new Map<number, string>();
  for (const [its, becomes] of Object.entries(table)) {
    const label = numberOf(its, from, `${source}: the model`);
    const other = asked.get(label);
    if (other !== undefined) throw new InputError(`${source}: ${other} and ${its} are one label`);
    asked.set(label, its);
    lookup[label] = numberOf(becomes, to, `${source}: the result`);
  }
  if (!regions) return lookup;
  const byId = new Uint8Array(from.length);
  for (const { labels, label } of regions)
    if (lookup[label]) for (const id of labels) byId[id] = lookup[label];
  return byId;
}

/** The number of a label among names, which go first. */
function numberOf(label: string | number, names: readonly string[], whose: string): number {
  const named = names.indexOf(String(label));
  const found = named >= 0 ? named : /^\d+$/.test(String(label)) ? Number(label) : -1;
  if (found < 0 || found >= names.length)
    throw new InputError(`${whose} has no label ${label}; it has ${names.join(', ')}`);
  return found;
}

/** The names of a table's labels by number, background first. Throws InputError where a number is missing, or stands twice. */
export function namesOf({ labels }: JoinTable, source: string): string[] {
  const names = new Map([[0, 'background']]);
  for (const [name, number] of Object.entries(labels)) {
    const other = names.get(number);
    if (other !== undefined && number > 0)
      throw new InputError(`${source}: labels: ${name} is ${number}, and so is ${other}`);
    names.set(number, name);
  }
  const all = Array.from(names, (_, number) => names.get(number));
  const missing = all.indexOf(undefined);
  if (missing >= 0)
    throw new InputError(`${source}: labels: none is ${missing}; expected 1, 2, 3 and on, once each`);
  return all as string[];
}

/** A table from outside. Throws InputError that names `source` and the key. */
export const parseJoinTable = (value: unknown, source: string): JoinTable => check(value, joinTable, source);
