/** A model in words and tables: its network, what it reads, what it labels. */
import type { NnunetPreprocessing, Normalisation } from '@organseg/core/inference/nnunet/preprocessing.ts';
import type { NetworkConfig, UnetConfig } from '@organseg/core/network/networkConfig.ts';
import { structuresOf } from '@organseg/core/regions.ts';
import { plural } from '@organseg/core/words.ts';
import type { Model } from '@organseg/train/predict/model.ts';

/** Lines of two columns: a fact's name and what it is. */
export function factsOf(model: Model, parameters: number): [string, string][] {
  const { network, patch, windowStep, labelNames, channelNames, preprocessing, mirrorAxes } = model;
  return [
    ['network', `${network.architecture}, ${parameters} parameters`],
    ...(network.architecture === 'UNet' ? ([['layers', layersOf(network)]] as [string, string][]) : []),
    [
      'weights',
      `${plural(model.weights.length, 'network')}: ${model.weights.map(({ path }) => path).join(', ')}`,
    ],
    ['patch', `${patch.join(' × ')} (D, H, W), a window each ${windowStep} of it`],
    ['mirroring', mirrorAxes.length ? `along ${mirrorAxes.map((axis) => 'DHW'[axis]).join(', ')}` : 'none'],
    ...(preprocessing.by === 'organseg'
      ? ([
          ['spacing', `${preprocessing.spacingMm.join(' × ')} mm (x, y, z)`],
          [
            'channels',
            `${channelNames[0]}: HU ${preprocessing.intensity.low} to ${preprocessing.intensity.high} become 0 to 1`,
          ],
        ] as [string, string][])
      : nnunetFacts(preprocessing, channelNames)),
    [
      model.regions ? 'regions' : 'labels',
      [
        '0 background',
        ...structuresOf(labelNames, model.regions).map(({ ids, name }) => `${ids.join('+')} ${name}`),
      ].join(', '),
    ],
  ];
}

function layersOf({ norm, activation, upKernel }: UnetConfig): string {
  const norms = { instance: 'instance norm', affineInstance: 'instance norm', batch: 'batch norm' };
  const slopes =
    activation.kind === 'PReLU' ? plural(activation.slopes, 'slope') : `slope ${activation.slope}`;
  return `${norms[norm]}, ${activation.kind} (${slopes}); transposed convolutions of ${upKernel.join('×')}`;
}

const nnunetFacts = (
  { spacingMm, reorient, transposeForward, channels }: NnunetPreprocessing,
  channelNames: readonly string[],
): [string, string][] => [
  ['spacing', `${spacingMm.join(' × ')} mm (D, H, W)`],
  [
    'axes',
    `${reorient ? 'turned to RAS' : 'as they lie'}, D, H, W are ${transposeForward.map((axis) => 'zyx'[axis]).join(', ')}`,
  ],
  ...channels.map((each, i): [string, string] => [
    i === 0 ? 'channels' : '',
    `${channelNames[i]}: ${normalisation(each)}`,
  ]),
];

function normalisation(each: Normalisation): string {
  switch (each.scheme) {
    case 'CTNormalization':
      return `clipped to ${each.low} … ${each.high}, minus ${each.mean}, by ${each.std}`;
    case 'ZScoreNormalization':
      return `minus its mean, by its deviation${each.useMask ? ', both of voxels that are not 0' : ''}`;
    case 'RescaleTo01Normalization':
      return 'its minimum and maximum become 0 and 1';
    case 'RGBTo01Normalization':
      return '0 to 255 become 0 to 1';
    case 'NoNormalization':
      return 'as it is';
  }
}

/** A line for each stage, from the full resolution down: filters, kernel, stride and what it is made of. */
export function stageTable(network: NetworkConfig): string[][] {
  if (network.architecture === 'SegResNet') {
    return [
      ['stage', 'filters', 'blocks down', 'blocks up'],
      ...network.blocksDown.map((blocks, i) => [
        String(i),
        String(network.initFilters * 2 ** i),
        String(blocks),
        String(network.blocksUp[network.blocksUp.length - 1 - i] ?? ''),
      ]),
    ];
  }
  const { filters, strides } = network;
  const kernels = network.architecture === 'UNet' ? filters.map(() => network.kernel) : network.kernels;
  const [what, down, up] = partsOf(network);
  return [
    ['stage', 'filters', 'kernel', 'stride', `${what} down`, 'convolutions up'],
    ...filters.map((count, i) => [
      String(i),
      String(count),
      kernels[i]!.join('×'),
      strides[i]!.join('×'),
      String(down[i]),
      String(up[i] ?? ''),
    ]),
  ];
}

type Stages = Exclude<NetworkConfig, { architecture: 'SegResNet' }>;

/** What a stage of the encoder is made of, how many it has, and the convolutions of the decoder’s, by stage. */
function partsOf(network: Stages): [string, readonly number[], readonly number[]] {
  switch (network.architecture) {
    case 'PlainConvUNet':
      return ['convolutions', network.convolutions, [...network.decoderConvolutions].reverse()];
    case 'ResidualEncoderUNet':
      return ['residual blocks', network.blocks, [...network.decoderConvolutions].reverse()];
    case 'DynUNet':
      return [
        network.residual ? 'residual blocks' : 'convolutions',
        network.filters.map(() => (network.residual ? 1 : 2)),
        network.filters.slice(1).map(() => 2),
      ];
    case 'UNet':
      return [
        'convolutions',
        network.filters.map(() => Math.max(1, network.residualUnits)),
        network.filters.slice(1).map(() => (network.residualUnits ? 1 : 0)),
      ];
  }
}

/** Rows as lines of aligned columns; the first row is the head. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padStart(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
