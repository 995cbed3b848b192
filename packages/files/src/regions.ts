/** The regions of a data set: labels that stand for several ids and may overlap, as nnU-Net's dataset.json has them. */
import { InputError } from '@organseg/core/inputError.ts';
import type { Region } from '@organseg/core/regions.ts';

/** A word of the loss has a bit for each. */
const MOST_REGIONS = 32;

/**
 * The regions in the order of dataset.json, each with its id of `regions_class_order`, and names by id, background first.
 * `ids` are by name, without the background and the ignore label. Throws InputError, after `path`.
 */
export function regionsOf(
  ids: ReadonlyMap<string, readonly number[]>,
  order: readonly number[] | undefined,
  path: string,
): { labelNames: readonly string[]; regions: readonly Region[] } {
  const names = [...ids.keys()];
  const wanted = names.map((_, i) => i + 1);
  const moved = names.find((name) => /^\d+$/.test(name));
  if (moved !== undefined)
    throw new InputError(`${path}: the region named ${moved} has a number for a name, which loses its place`);
  if (names.length > MOST_REGIONS)
    throw new InputError(`${path}: has ${names.length} regions, at most ${MOST_REGIONS} are trained`);
  if (!order || [...order].sort((a, b) => a - b).join() !== wanted.join())
    throw new InputError(
      `${path}: regions_class_order expects each of ${wanted.join(', ')} once, one a region; got ${order?.join(', ') || 'none'}`,
    );
  const held = new Set([...ids.values()].flat());
  if ([...held].sort((a, b) => a - b).join() !== wanted.join())
    throw new InputError(`${path}: the regions expect to hold the ids ${wanted.join(', ')}`);
  const regions = names.map((name, i) => ({ labels: ids.get(name)!, label: order[i]! }));
  const labelNames = ['background', ...wanted.map((label) => names[order.indexOf(label)]!)];
  return { labelNames, regions };
}
