/** The model that a bench predicts with: one that is there, or one of random weights, on which time and memory do not depend. */
import { join } from 'node:path';
import { networkLayout } from '@organseg/core/network/network.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { FLARE22_LABEL_NAMES } from '@organseg/core/organs.ts';
import { Random } from '@organseg/core/random.ts';
import { type Xyz, xyz } from '@organseg/core/volume/volume.ts';
import { parameterLayout } from '@organseg/train/config/network.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { saveBest } from '@organseg/train/run/checkpoint.ts';
import { createRun } from '@organseg/train/run/runFolder.ts';

/** Writes a run of random weights into a folder; returns its path. */
export async function writeRun(folder: string, config: Config): Promise<string> {
  const run = join(folder, 'run');
  await createRun(run, {
    phase: 'initial',
    data: run,
    init: null,
    branches: false,
    initWeights: null,
    pseudo: null,
    fold: null,
    prepared: null,
    channelNames: ['CT'],
    labelNames: FLARE22_LABEL_NAMES,
    trainingCases: [],
    validationCases: [],
    sources: null,
    config,
  });
  const layout = parameterLayout(config);
  await saveBest(run, layout.specs, initialise(layout, new Random(1)));
  return run;
}

/** The spacing of the network's grid, x, y, z; of a model that transposes axes, those that the tensor's W, H, D are. */
export const networkSpacing = ({ preprocessing }: Model): Xyz => {
  if (preprocessing.by === 'organseg') return preprocessing.spacingMm;
  const { spacingMm } = preprocessing;
  return xyz((axis) => spacingMm[2 - axis]!);
};

/** The network of a model in a line. */
export const inWords = (model: Model): string =>
  `${model.network.architecture} of ${networkLayout(model.network).count} parameters, ${model.network.classes} outputs, ` +
  `patches of ${model.patch.join('×')}, ${networkSpacing(model).join('×')} mm`;
