/**
 * The plan of an epoch: which case each patch comes from, as a pure function of the seed, the epoch and the patch's
 * place. A batch has labelled and pseudo-labelled patches in their share, then unlabelled ones, which a teacher labels;
 * under copy-paste it has pairs of patches that are mixed.
 */
import type { Random } from '@organseg/core/random.ts';
import type { Config } from '../config/schema.ts';
import type { Centre } from './patchSampler.ts';

/** Numbers of cases of each kind; cases are numbered in this order. */
export interface CaseCounts {
  readonly labelled: number;
  readonly pseudo: number;
  readonly unlabelled: number;
}
type Kind = keyof CaseCounts;

export interface PlannedPatch {
  /** Number of its case, from 0. */
  readonly case: number;
  readonly centre: Centre;
  readonly random: Random;
  /** The patch that it is mixed with. */
  readonly partner?: PlannedPartner;
}

interface PlannedPartner extends Omit<PlannedPatch, 'partner'> {
  /** Whether the partner is pasted into the patch, or the patch into the partner. */
  readonly isPasted: boolean;
}

export type BatchSettings = Pick<
  Config,
  | 'batch'
  | 'patchesPerImage'
  | 'stepsPerEpoch'
  | 'pseudoShare'
  | 'foregroundShare'
  | 'foregroundProbability'
  | 'consistency'
  | 'copyPaste'
>;

/** Steps of an epoch: as many as are set, or as take each labelled and pseudo-labelled image once. */
export function stepsPerEpoch(settings: BatchSettings, { labelled, pseudo }: CaseCounts): number {
  const patches = (labelled + pseudo) * settings.patchesPerImage;
  return settings.stepsPerEpoch ?? Math.ceil(patches / supervisedItems(settings));
}

/** Number of a batch's items that have labels; they come first. */
export const supervisedItems = ({ batch, consistency }: Pick<Config, 'batch' | 'consistency'>): number =>
  batch - (consistency?.patches ?? 0);

/** The patches of one step, by the generator of their epoch. `mixes`: copy-paste has begun. */
export function planStep(
  settings: BatchSettings,
  counts: CaseCounts,
  random: Random,
  step: number,
  mixes = false,
): PlannedPatch[] {
  const { batch } = settings;
  const supervised = supervisedItems(settings);
  return Array.from({ length: batch }, (_, item): PlannedPatch => {
    const place = step * batch + item;
    const own = random.fork('patch').fork(place);
    if (item >= supervised) {
      const nth = step * (batch - supervised) + item - supervised;
      return { case: nthCase('unlabelled', nth, settings, counts, random), centre: 'anywhere', random: own };
    }
    const nth = step * supervised + item;
    const patch = {
      case: supervisedCase(nth, settings, counts, random),
      centre: centreOf(nth, settings),
      random: own,
    };
    return mixes ? { ...patch, ...partnerOf(nth, own, settings, counts, random) } : patch;
  });
}

const centreOf = (nth: number, { foregroundShare, foregroundProbability }: BatchSettings): Centre =>
  foregroundShare === null ? foregroundProbability : takes(foregroundShare, nth) ? 'organ' : 'anywhere';

/** The partner of the n-th labelled patch, none where it stays alone; partners are pasted in and pasted on in turn. */
function partnerOf(
  nth: number,
  own: Random,
  settings: BatchSettings,
  counts: CaseCounts,
  random: Random,
): Pick<PlannedPatch, 'partner'> {
  const { labelledShare, partner } = settings.copyPaste!;
  if (takes(labelledShare, nth)) return {};
  const mixed = nth - Math.floor(nth * labelledShare);
  const order = random.fork('partner');
  return {
    partner: {
      case: nthCase(partner, mixed, settings, counts, order),
      centre: centreOf(mixed, settings),
      random: own.fork('partner'),
      isPasted: mixed % 2 === 0,
    },
  };
}

/** Whether the n-th of many belongs to a share that is spread evenly over them. */
const takes = (share: number, n: number) => Math.floor((n + 1) * share) > Math.floor(n * share);

function supervisedCase(nth: number, settings: BatchSettings, counts: CaseCounts, random: Random): number {
  const { pseudoShare } = settings;
  if (pseudoShare === null || counts.pseudo === 0) {
    return cycled(nth, counts.labelled + counts.pseudo, settings, random.fork('order'));
  }
  const pseudoBefore = Math.floor(nth * pseudoShare);
  return takes(pseudoShare, nth)
    ? nthCase('pseudo', pseudoBefore, settings, counts, random)
    : nthCase('labelled', nth - pseudoBefore, settings, counts, random);
}

function nthCase(
  kind: Kind,
  nth: number,
  settings: BatchSettings,
  counts: CaseCounts,
  random: Random,
): number {
  const first = { labelled: 0, pseudo: counts.labelled, unlabelled: counts.labelled + counts.pseudo }[kind];
  return first + cycled(nth, counts[kind], settings, random.fork('order').fork(kind));
}

/** The case of the n-th patch where all cases take turns, each time in another order, some patches from each. */
function cycled(nth: number, cases: number, { patchesPerImage }: BatchSettings, random: Random): number {
  const pass = cases * patchesPerImage;
  const order = random.fork(Math.floor(nth / pass)).shuffle(Array.from({ length: cases }, (_, i) => i));
  return order[Math.floor((nth % pass) / patchesPerImage)];
}
