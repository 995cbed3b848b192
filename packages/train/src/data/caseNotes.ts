/** Notes on the prepared cases of a run, counted and named, before it learns from them. */
import { InputError } from '@organseg/core/inputError.ts';
import { listed, plural } from '@organseg/core/words.ts';
import type { DatasetCase } from '@organseg/files/dataset.ts';
import { IGNORED } from '@organseg/kernels/codedLabels.ts';
import type { CaseStore, StoredCase } from './caseStore.ts';

/** Notes on doubtful scans, a line for each kind of doubt. */
export function scanNotes(cases: readonly StoredCase[], store: Pick<CaseStore, 'doubts'>): string[] {
  const byKind = new Map<string, { name: string; text: string }[]>();
  for (const source of cases)
    for (const { about, text } of store.doubts(source))
      byKind.set(about, [...(byKind.get(about) ?? []), { name: source.name, text }]);
  return [...byKind].map(([about, [first, ...others]]) => {
    if (!others.length) return `${first!.name}: ${first!.text}`;
    const names = listed([first!, ...others].map(({ name }) => name));
    return `${plural(others.length + 1, 'scan')} with doubtful ${about}: ${names}; ${first!.name}: ${first!.text}`;
  });
}

/**
 * Notes on cases that hold no organ or are ignored throughout, and on organs that no case of `training` holds, on the
 * network's grid.
 * `labelNames` are by label, background first. Throws InputError where no case holds any organ.
 */
export function labelNotes(
  training: readonly DatasetCase[],
  validation: readonly DatasetCase[],
  store: Pick<CaseStore, 'labelVoxels'>,
  labelNames: readonly string[],
  data: string,
): string[] {
  const held = new Map(
    [...new Set([...training, ...validation])].map((source) => [source, store.labelVoxels(source)]),
  );
  const holdsOrgan = (source: DatasetCase) =>
    held.get(source)!.some((voxels, label) => label > 0 && label !== IGNORED && voxels > 0);
  const isIgnored = (source: DatasetCase) =>
    held.get(source)!.every((voxels, label) => label === IGNORED || voxels === 0);
  const ignored = [...held.keys()].filter(isIgnored);
  const empty = [...held.keys()].filter((source) => !holdsOrgan(source) && !isIgnored(source));
  if (!training.some(holdsOrgan)) {
    const isPartly = training.some((source) => held.get(source)![IGNORED]);
    const what = isPartly ? 'background or ignored' : 'background';
    throw new InputError(`${data}: no training case holds any organ, its labels are all ${what}`);
  }
  const missing = labelNames.filter(
    (_, label) => label > 0 && training.every((source) => held.get(source)![label] === 0),
  );
  return [
    ignored.length
      ? `${plural(ignored.length, 'labelled case')} of which every voxel is ignored: ${listed(ignored.map(({ name }) => name))}`
      : '',
    empty.length
      ? `${plural(empty.length, 'labelled case')} without any organ: ${listed(empty.map(({ name }) => name))}`
      : '',
    missing.length
      ? `${plural(missing.length, 'organ')} of dataset.json that no training case holds: ${listed(missing)}`
      : '',
  ].filter(Boolean);
}
