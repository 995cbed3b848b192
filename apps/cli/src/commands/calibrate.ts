/** `organseg calibrate`: learns from scans whose truth is known how far a model is to be trusted, organ by organ. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { labelMap } from '@organseg/core/metrics/labelMap.ts';
import { countVoxels, diceOrOne, overlapByLabel } from '@organseg/core/metrics/overlap.ts';
import { assertSameGrid } from '@organseg/core/metrics/sameGrid.ts';
import { organLabels } from '@organseg/core/organs.ts';
import { determinant } from '@organseg/core/volume/affine.ts';
import { keepLargestComponent } from '@organseg/core/volume/components.ts';
import { listed, plural } from '@organseg/core/words.ts';
import { readJsonFile } from '@organseg/files/json.ts';
import { whileLocked } from '@organseg/files/lock.ts';
import { readLabelsFile } from '@organseg/files/nifti.ts';
import { statOf } from '@organseg/files/read.ts';
import { writeWhole } from '@organseg/files/write.ts';
import {
  CALIBRATION,
  calibration,
  calibrationOf,
  type KnownOrgan,
  trustIn,
} from '@organseg/train/predict/calibration.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import { predictFile } from '@organseg/train/predict/predictFile.ts';
import type { Segmenter } from '@organseg/train/predict/predictor.ts';
import { isRun } from '@organseg/train/run/runFolder.ts';
import { memoryCapOption, withGpu } from '../gpu/withGpu.ts';
import { modelPath } from '../model/box.ts';
import type { ScanFile } from '../predict/predictions.ts';
import { scansIn } from '../predict/scansIn.ts';
import { averaged } from '../predict/segmenters.ts';
import { type CommonOptions, command, print } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';

interface Options extends CommonOptions {
  model: string;
  images: string[];
  labels: string[];
  largestComponent?: boolean;
  memoryCap: number;
}

/** A scan and its true label map. */
interface KnownScan {
  readonly scan: ScanFile;
  readonly truth: string;
}

export const calibrate = command('calibrate', 'Learn how far a model is to be trusted, organ by organ')
  .requiredOption('--model <run>', 'folder of a run, in which calibration.json is kept', modelPath)
  .requiredOption(
    '--images <dir>',
    'scans that the model never saw; given again, those of another origin, which count as much',
    several,
  )
  .requiredOption('--labels <dir>', 'their true label maps, CASE.nii.gz, for each --images', several)
  .option(
    '--largest-component',
    'of what is predicted keep the largest part of each organ alone, from now on',
  )
  .addOption(memoryCapOption())
  .action(async (options: Options) => {
    const { model, images, labels, largestComponent: keepsLargest = false } = options;
    const { memoryCap: memoryCapBytes } = options;
    await statOf(model);
    if (!isRun(model)) throw new InputError(`${model}: is no run`);
    if (images.length !== labels.length)
      throw new InputError(`--images is given ${images.length} times, --labels ${labels.length}`);
    const path = join(model, CALIBRATION);
    if (existsSync(path)) await readJsonFile(path, calibration); // or it is not ours to replace
    const planned = await averaged([model], {}, { memoryCapBytes, confidence: true });
    const { channelNames } = planned;
    const sources = await Promise.all(
      images.map((folder, i) => knownScans(folder, labels[i]!, channelNames)),
    );
    await whileLocked(model, () =>
      withGpu({ memoryCapBytes }, async (owner, signal) => {
        const segmenter = await planned.open(owner, signal);
        try {
          const bar = progress('calibrating', sources.flat().length, 'scans');
          let done = 0;
          const known: KnownOrgan[][][] = [];
          for (const source of sources) {
            const scans: KnownOrgan[][] = [];
            for (const each of source) {
              signal.throwIfAborted();
              scans.push(await foundIn(segmenter, each, keepsLargest));
              bar.update(++done, each.scan.name);
            }
            known.push(scans);
          }
          bar.finish();
          const [weights] = (await planned.origin(NO_POSTPROCESSING)).weights;
          const made = calibrationOf({ weights: weights!, keepsLargest }, known);
          if (!Object.keys(made.organs).length)
            throw new InputError(`${model}: found no organ in these scans, or its labels are regions`);
          await writeWhole(path, `${JSON.stringify(made, null, 2)}\n`);
          const organs = Object.keys(made.organs);
          print(options, made, `${path}: ${listed(organs)}, from ${plural(made.scans, 'scan')}`);
        } finally {
          segmenter.close();
        }
      }),
    );
  });

/** The values of an option that is given more than once. */
function several(given: string, before: readonly string[] = []): string[] {
  return [...before, given];
}

async function knownScans(
  images: string,
  labels: string,
  channelNames: readonly string[],
): Promise<KnownScan[]> {
  const scans = await scansIn(images, channelNames);
  return scans.map((scan) => {
    const truth = join(labels, `${scan.name}.nii.gz`);
    if (!existsSync(truth)) throw new InputError(`${truth}: no such file; ${scan.path} has no truth`);
    return { scan, truth };
  });
}

/** What the model makes of each organ that it found, or that is there. */
async function foundIn(
  segmenter: Segmenter,
  { scan, truth }: KnownScan,
  keepsLargest: boolean,
): Promise<KnownOrgan[]> {
  const { labelNames } = segmenter;
  const made = await predictFile(segmenter, scan.path);
  if ('fault' in made) throw new InputError(made.fault);
  const reference = await readLabelsFile(truth);
  assertSameGrid(reference, truth, made.labels, scan.path);
  if (keepsLargest) keepLargestComponent(made.labels, organLabels(labelNames));
  const [was, is] = [
    labelMap(reference.shape, reference.data, truth),
    labelMap(made.labels.shape, made.labels.data, scan.path),
  ] as const;
  const overlaps = overlapByLabel(was, is, labelNames.length);
  const voxelMl = Math.abs(determinant(reference.affine)) / 1000;
  const trust = trustIn(made, labelNames, undefined);
  return organLabels(labelNames).flatMap((label) => {
    const name = labelNames[label]!;
    const probability = trust.find((found) => found.name === name)?.probability ?? null;
    const counts = countVoxels(overlaps[label]!);
    return counts.reference || probability !== null
      ? [{ name, probability, dsc: diceOrOne(counts), trueMl: counts.reference * voxelMl }]
      : [];
  });
}
