/**
 * A data set of phantoms in nnU-Net's layout: which cases there are, what their files are called, and the
 * description beside them. No files are touched here.
 */
import { InputError } from '../inputError.ts';
import { FLARE22_ORGANS } from '../organs.ts';
import { Random } from '../random.ts';
import type { GridOptions } from './grid.ts';
import { atOneCentre } from './patient.ts';
import { makePhantom, type Phantom, type Protocol } from './phantom.ts';
import { widenedDetector, widenedPatient, widenedView } from './wide.ts';

/** The generator's version, to be raised when the same seed begins to give other phantoms. */
export const GENERATOR_VERSION = 1;
/** The same of phantoms drawn wider than nature. */
const WIDE_VERSION = 3;

/** The parts of a data set with nnU-Net's ending for their folders; it has none for unlabelled cases. */
const SPLITS = { labelled: 'Tr', unlabelled: 'Un', test: 'Ts' } as const;

export type Split = keyof typeof SPLITS;
export type Counts = Readonly<Record<Split, number>>;

/** What the cases are made from. */
export interface PhantomSettings extends GridOptions {
  readonly seed: number;
  /** Labelled cases come from one hospital with one protocol, unlabelled and test cases from everywhere. */
  readonly labelledAtOneCentre?: boolean;
  /** Labelled cases are drawn wider than nature. */
  readonly wide?: boolean;
}

/** One case of a data set. */
export interface PhantomCase {
  readonly name: string;
  readonly split: Split;
  readonly index: number;
  /** The files, relative to the data set's folder. */
  readonly image: string;
  readonly labels: string;
}

/** The cases of a data set, split by split. */
export function phantomCases(counts: Counts): PhantomCase[] {
  return (Object.keys(SPLITS) as Split[]).flatMap((split) =>
    Array.from({ length: counts[split] }, (_, index) => {
      const name = `${split}_${String(index).padStart(3, '0')}`;
      const image = `images${SPLITS[split]}/${name}_0000.nii.gz`;
      return { name, split, index, image, labels: `labels${SPLITS[split]}/${name}.nii.gz` };
    }),
  );
}

const ONE_CENTRE: Protocol = { patient: atOneCentre };
const WIDE: Protocol = { patient: widenedPatient, view: widenedView, detector: widenedDetector };

/** Makes a case. Case k of a split is the same however many cases there are. */
export function phantomOf(
  { split, index }: PhantomCase,
  { seed, labelledAtOneCentre, wide, ...grid }: PhantomSettings,
): Phantom {
  const protocol = wide ? WIDE : labelledAtOneCentre ? ONE_CENTRE : undefined;
  return makePhantom(
    new Random(seed).fork(split).fork(index),
    grid,
    split === 'labelled' ? protocol : undefined,
  );
}

/** The content of nnU-Net v2's dataset.json, and under `phantom` what the cases are made from. */
export function datasetJson(counts: Counts, settings: PhantomSettings) {
  const labels = Object.fromEntries(FLARE22_ORGANS.map(({ longName, id }) => [longName, id]));
  return {
    channel_names: { 0: 'CT' },
    labels: { background: 0, ...labels },
    numTraining: counts.labelled,
    file_ending: '.nii.gz',
    phantom: { version: settings.wide ? WIDE_VERSION : GENERATOR_VERSION, ...settings, counts },
  };
}

/**
 * Throws where a folder's dataset.json (`existing`, parsed) does not describe phantoms of these settings, or
 * describes more of them than are now asked for: writing into it would mix data or leave some undescribed.
 */
export function assertContinues(existing: unknown, counts: Counts, settings: PhantomSettings): void {
  const asked = datasetJson(counts, settings).phantom;
  const { phantom: found } = existing as { phantom?: typeof asked };
  if (!found) throw new InputError('its dataset.json is not that of phantoms');
  for (const key of ['version', 'seed', 'spacingMm', 'shape', 'labelledAtOneCentre', 'wide'] as const) {
    const [is, want] = [found[key], asked[key]].map((value) => JSON.stringify(value) ?? 'default');
    if (is !== want) throw new InputError(`it holds phantoms of ${key} ${is}, not ${want}`);
  }
  for (const split of Object.keys(SPLITS) as Split[]) {
    const there = found.counts[split];
    if (there > counts[split]) {
      throw new InputError(`it holds ${there} ${split} cases, more than the ${counts[split]} asked for`);
    }
  }
}
