/** A plan in words: a line for each decision, with its reason. */
import { xyzOf } from '@organseg/core/inference/axes.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { FINGERPRINT, type Fingerprint } from '@organseg/train/plan/fingerprint.ts';
import { normalisationsOf } from '@organseg/train/plan/normalisation.ts';
import type { PlannedDataset } from '@organseg/train/plan/plannedDataset.ts';
import type { PlannedSettings } from '@organseg/train/plan/planSettings.ts';
import { divisorOf } from '@organseg/train/plan/topology.ts';

export interface PlanInWords extends PlannedSettings {
  readonly dataset: PlannedDataset;
  readonly fingerprint: Fingerprint;
  /** The share of the data set that a batch may hold. */
  readonly batchShare: string;
  /** The memory that is filled. */
  readonly memory: string;
  readonly preset: string;
  readonly presetReason: string;
}

/** What is decided, its value, and why. */
export type PlanLine = readonly [what: string, value: string, reason: string];

const short = (value: number) => String(Number(value.toPrecision(4)));
const times = (values: readonly number[]) => values.map(short).join(' × ');
/** Numbers of each stage along D, H, W, such as `1,2,2`. */
const perStage = (stages: Config['strides']) => stages.map((axes) => axes.join()).join(' ');

export function planLines(plan: PlanInWords): PlanLine[] {
  const { grid, config, dataset, fingerprint, preset, presetReason } = plan;
  const { architecture, filters, kernels, strides } = config;
  return [
    [
      'cases',
      String(fingerprint.spacings.length),
      `in ${dataset.fingerprint ? FINGERPRINT : 'imagesTr'}, of ${dataset.channelNames.join(', ')}`,
    ],
    ['spacing', `${times(xyzOf(grid.spacingMm))} mm`, spacingReason(plan)],
    [
      'median scan',
      times(xyzOf(grid.medianShape)),
      'voxels along x, y, z at that spacing, cropped to non-zero',
    ],
    ['patch', times(config.patch), patchReason(plan)],
    ['batch', String(config.batch), batchReason(plan)],
    [
      'network',
      architecture,
      `${strides.length} stages: axes are halved while 4 voxels are left of the patch`,
    ],
    ['filters', filters.join(' '), `doubled at each stage, up to ${Math.max(...filters)}`],
    ['kernels', perStage(kernels), '1 along an axis until the others are nearly as coarse'],
    ['strides', perStage(strides), '2 along the axes that are nearly as fine as the finest'],
    ...intensityLines(plan),
    ['schedule', scheduleOf(config), `of the preset ${preset}: ${presetReason}`],
  ];
}

function spacingReason({ grid }: PlanInWords): string {
  if (!grid.isAnisotropic) return 'x, y, z: the medians of the cases';
  const coarse = 'zyx'[grid.transpose[0]];
  return `x, y, z: medians, but along ${coarse}, where voxels are coarse and few, the 10th percentile`;
}

function patchReason({ limits, config, memory }: PlanInWords): string {
  const why = limits.patch === 'memory' ? `the largest of which 2 fit ${memory}` : 'holds the median scan';
  return `z, y, x: ${why}; multiples of ${divisorOf(config.strides).join(', ')}`;
}

function batchReason({ limits, config, memory, batchShare }: PlanInWords): string {
  if (config.batch === 2) return 'the least';
  return limits.batch === 'memory' ? `as many as fit ${memory}` : `a step holds no more than ${batchShare}`;
}

function intensityLines({ config, dataset, fingerprint }: PlanInWords): PlanLine[] {
  const { channelNames } = dataset;
  if (!config.channels) {
    const range = `${short(config.intensityLowHu)} to ${short(config.intensityHighHu)} HU`;
    return [['intensities', range, 'percentiles 0.5 and 99.5 of the labelled voxels']];
  }
  const share = fingerprint.median_relative_size_after_cropping;
  return normalisationsOf(channelNames, share).map(({ scheme, isMasked }, channel) => {
    const where = isMasked ? ', of the voxels that are not 0: they are less than 3/4 of a scan' : '';
    const what = channelNames.length > 1 ? `channel ${channel}` : 'intensities';
    return [what, scheme, `nnU-Net’s for ${channelNames[channel]}${where}`];
  });
}

function scheduleOf({ initial, stepsPerEpoch, optimizer }: Config): string {
  const steps = stepsPerEpoch === null ? '' : ` of ${stepsPerEpoch} steps`;
  return `${initial.epochs} epochs${steps}, ${optimizer} ${initial.learningRate}`;
}

const MOST_PADDING = 48;

/** The lines in columns. */
export function inColumns(lines: readonly PlanLine[]): string {
  const width = (column: 0 | 1) => Math.max(...lines.map((line) => line[column].length));
  const [first, second] = [width(0), Math.min(width(1), MOST_PADDING)];
  return lines
    .map(([what, value, reason]) => `${what.padEnd(first)}  ${value.padEnd(second)}  ${reason}`)
    .join('\n');
}
