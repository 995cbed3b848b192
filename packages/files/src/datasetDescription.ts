/** What a dataset.json of nnU-Net's says of labels and channels. */
import { InputError } from '@organseg/core/inputError.ts';
import { MAX_CLASSES } from '@organseg/core/organs.ts';
import type { Region } from '@organseg/core/regions.ts';
import { z } from 'zod';
import { regionsOf } from './regions.ts';

/** What a data set's label maps hold. */
export interface Labels {
  /** Names by id, background first. */
  readonly labelNames: readonly string[];
  /** The label called `ignore`, of voxels that are neither learnt from nor scored; undefined without one. */
  readonly ignoreLabel?: number | undefined;
  /** The regions that are told apart in place of the labels; undefined where labels are. */
  readonly regions?: readonly Region[] | undefined;
}

/** What `labels` expects. */
const LABELS = 'expects names with ids, or with lists of ids (or ids with names, as nnU-Net v1)';

/** What `channel_names` expects, or `modality`. */
const CHANNELS = 'expects names by the channels’ numbers, such as {"0": "CT"} or {"0": "T1", "1": "T2"}';

/** What dataset.json says of the files of scans. */
export const scansDescribed = {
  file_ending: z.literal('.nii.gz', 'only .nii.gz is read').optional(),
  channel_names: z.record(z.string(), z.string(), CHANNELS).optional(),
  modality: z.record(z.string(), z.string(), CHANNELS).optional(),
};

/** The form of dataset.json, nnU-Net's description of a data set; that of its first version has ids before names, and modalities. */
export const description = z.looseObject({
  labels: z.record(
    z.string(),
    z.union([z.int().nonnegative(), z.string(), z.array(z.int().positive()).min(1, LABELS)], LABELS),
    LABELS,
  ),
  regions_class_order: z.array(z.int().positive()).nullish(),
  ...scansDescribed,
  /** Some tools write it as text. */
  numTraining: z.unknown().optional(),
});

type Description = z.infer<typeof description>;

/** The names of the channels by number. Throws InputError, after `path`. */
export function channelNamesOf(
  { channel_names, modality }: Pick<Description, 'channel_names' | 'modality'>,
  path: string,
): readonly string[] {
  const channels = channel_names ?? modality ?? { 0: 'CT' };
  const count = Object.keys(channels).length;
  const names = Array.from({ length: count }, (_, channel) => channels[channel]!);
  if (!count || names.some((name) => name === undefined))
    throw new InputError(`${path}: ${channel_names ? 'channel_names' : 'modality'}: ${CHANNELS}`);
  return names;
}

/** The labels that it describes. Throws InputError, after `path`. */
export function labelsOf({ labels, regions_class_order: order }: Description, path: string): Labels {
  if (Object.entries(labels).some(([name, ids]) => isIgnore(name) && Array.isArray(ids)))
    throw new InputError(`${path}: labels: ignore expects one id, not a list`);
  // By nnU-Net's rule a list makes regions of all labels where it holds several ids; one of a single id is that label.
  if (Object.values(labels).some((ids) => Array.isArray(ids) && ids.length > 1))
    return regionLabelsOf(labels, order ?? undefined, path);
  const asText = Object.entries(labels).find(
    ([name, id]) => typeof id === 'string' && /^\d+$/.test(id) && !/^\d+$/.test(name),
  );
  if (asText)
    throw new InputError(`${path}: labels: the id of ${asText[0]} is text, "${asText[1]}", not a number`);
  const all = Object.entries(labels)
    .map(([key, value]): [string, number] =>
      typeof value === 'string' ? [value, Number(key)] : [key, [value].flat()[0]!],
    )
    .sort((a, b) => a[1] - b[1]);
  const byId = all.filter(([name]) => !isIgnore(name));
  const [ignore, another] = all.filter(([name]) => isIgnore(name));
  if (another) throw new InputError(`${path}: labels expects one ignore label`);
  if (ignore && ignore[1] !== byId.length)
    throw new InputError(
      `${path}: labels: ${ignore[0]} expects the highest id, ${byId.length}, got ${ignore[1]}`,
    );
  if (byId.length < 2 || byId.length > MAX_CLASSES)
    throw new InputError(`${path}: labels expects the background and 1 to ${MAX_CLASSES - 1} organs`);
  if (byId.some(([, id], i) => id !== i))
    throw new InputError(`${path}: labels expects ids 0, 1, 2 …, each once`);
  const names = byId.map(([name]) => name);
  if (new Set(names).size < names.length) throw new InputError(`${path}: labels expects each name once`);
  return { labelNames: names, ignoreLabel: ignore?.[1] };
}

function regionLabelsOf(
  labels: Description['labels'],
  order: readonly number[] | undefined,
  path: string,
): Labels {
  const ids = new Map<string, readonly number[]>();
  let ignoreLabel: number | undefined;
  for (const [name, value] of Object.entries(labels)) {
    if (typeof value === 'string')
      throw new InputError(`${path}: labels: the id of ${name} is text, "${value}", not a number`);
    if (isIgnore(name)) ignoreLabel = [value].flat()[0];
    else if (value !== 0) ids.set(name, [value].flat());
  }
  const { labelNames, regions } = regionsOf(ids, order, path);
  if (ignoreLabel !== undefined && ignoreLabel !== labelNames.length)
    throw new InputError(
      `${path}: labels: ignore expects the highest id, ${labelNames.length}, got ${ignoreLabel}`,
    );
  return { labelNames, ignoreLabel, regions };
}

const isIgnore = (name: string): boolean => /^ignore$/i.test(name);
