/** The way of scans from files to files: the next is read and the one before written while the GPU works. */
import { join } from 'node:path';
import type { CasePlan } from '@organseg/core/inference/memoryPlan.ts';
import { InputError } from '@organseg/core/inputError.ts';
import { efficiencyOf } from '@organseg/core/metrics/efficiency.ts';
import { isCt } from '@organseg/core/volume/hounsfield.ts';
import { statedSpacingMm } from '@organseg/core/volume/niftiSpace.ts';
import { plural } from '@organseg/core/words.ts';
import { type RecordedScan, readRecordedScan } from '@organseg/files/scanRecord.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { isMemoryFault } from '@organseg/train/predict/attempts.ts';
import { type Calibration, doubtsInWords, trustIn } from '@organseg/train/predict/calibration.ts';
import { NO_POSTPROCESSING, type Postprocessing } from '@organseg/train/predict/postprocessing.ts';
import type { CasePrediction, Segmenter } from '@organseg/train/predict/predictor.ts';
import { ProbabilityFile } from '@organseg/train/predict/probabilityFile.ts';
import { startSampler } from '../measure/sampler.ts';
import { say } from '../terminal/command.ts';
import { progress } from '../terminal/progress.ts';
import { type CaseProfile, writeCase } from './caseFiles.ts';
import { PROFILE, type Predictions, type ScanFile } from './predictions.ts';

/**
 * The size beyond which a scan is alone in memory. The host then holds it and its labels, and otherwise the scan at
 * work, the next one, and the labels of both and of the one before: either way at most twice the case and 500 MB.
 */
const READ_AHEAD_BYTES = 200 * 2 ** 20;

interface Made extends RecordedScan {
  readonly name: string;
  readonly prediction: CasePrediction;
}

/**
 * Writes CASE.nii.gz for each scan that is left, what was asked for besides, and the report of all after each.
 * A scan that cannot be segmented stops no other. Probabilities need a predictor that resamples logits; with a profile
 * each case is measured alone, one after another. With a calibration it says which organs are not to be trusted. Returns
 * the names of the cases that could not be segmented.
 */
export async function predictScans(
  segmenter: Segmenter,
  predictions: Predictions,
  signal: AbortSignal,
  postprocessing: Postprocessing = NO_POSTPROCESSING,
  calibration?: Calibration,
): Promise<string[]> {
  const { out, scans, left } = predictions;
  const {
    statistics = false,
    preview = false,
    dicomSeg = false,
    probabilities,
    profile,
  } = predictions.extras;
  const profiles: CaseProfile[] = [];
  const failed: string[] = [];
  const bar = progress('predicting', left.length, 'cases');
  const { labelNames, regions, channelNames } = segmenter;
  const caseFiles = {
    postprocessing,
    statistics,
    preview,
    dicomSeg,
    labelNames,
    regions,
    isCt: isCt(channelNames[0]!),
  };

  const write = async ({ name, channels: [scan], record, prediction }: Made) => {
    const { labels, report } = prediction;
    await predictions.begin();
    const trust = trustIn(prediction, labelNames, calibration);
    const { changes, fault } = await writeCase(out, name, scan, labels, trust, caseFiles);
    await predictions.add({ case: name, scan: record, ...report, ...changes });
    const { fallback, spacingMm } = report;
    const doubts = calibration && doubtsInWords(trust, calibration);
    if (doubts) say(`${name}: ${doubts}`);
    if (fallback) say(`${name}: segmented at ${spacingMm.join(' × ')} mm: ${fallback}`);
    if (fault) fail(name, fault);
  };
  const fail = (name: string, fault: string) => {
    if (scans.length === 1) throw new InputError(fault);
    failed.push(name);
    say(fault);
  };

  let ahead: Promise<Read> | undefined;
  let writing: Promise<void> = Promise.resolve();
  for (const [i, file] of left.entries()) {
    signal.throwIfAborted();
    const sampler = profile ? startSampler(() => {}) : undefined;
    const cpuBefore = process.cpuUsage();
    try {
      const read = await (ahead ?? readScan(file, channelNames));
      ahead = undefined;
      if ('fault' in read) {
        fail(file.name, read.fault);
        continue;
      }
      const doubts = read.channels.flatMap((channel) => channel.doubts);
      if (doubts.length) say(`${file.name}: ${doubts.map(({ text }) => text).join('; ')}`);
      const next = left[i + 1];
      if (next && !profile && bytesOf(read) <= READ_AHEAD_BYTES) {
        ahead = readScan(next, channelNames);
        ahead.catch(() => {}); // heard of where it is awaited
      }
      if (probabilities) await predictions.begin();
      const shares = probabilities ? join(out, `${file.name}_probabilities.nii`) : undefined;
      const prediction = await predictOne(segmenter, file, read.channels, shares, (share) =>
        bar.update(i + share, file.name),
      );
      if ('fault' in prediction) {
        fail(file.name, prediction.fault);
        continue;
      }
      await writing;
      writing = write({ name: file.name, ...read, prediction });
      writing.catch(() => {}); // heard of where it is awaited
      if (sampler || bytesOf(read) > READ_AHEAD_BYTES) await writing;
      if (sampler) {
        sampler.stop();
        const { stages } = prediction.report;
        const { user, system } = process.cpuUsage(cpuBefore);
        const facts = {
          case: file.name,
          hasGpuSamples: sampler.hasGpu(),
          stages,
          cpuSeconds: (user + system) / 1e6,
          peakHostBytes: 1024 * process.resourceUsage().maxRSS,
        };
        profiles.push({ ...facts, ...efficiencyOf(sampler.samples) });
        await writeWhole(join(out, PROFILE), `${JSON.stringify({ cases: profiles }, null, 2)}\n`);
      }
    } finally {
      sampler?.stop();
      bar.update(i + 1, file.name);
    }
  }
  await writing;
  bar.finish();
  return failed;
}

const bytesOf = ({ channels }: RecordedScan): number =>
  channels.reduce((sum, { data }) => sum + data.byteLength, 0);

type Read = RecordedScan | { readonly fault: string };

/** A scan, or why it cannot be read, which is returned, since it may be read before it is asked for. */
async function readScan({ path, series }: ScanFile, channelNames: readonly string[]): Promise<Read> {
  try {
    return await readRecordedScan(path, channelNames, series);
  } catch (error) {
    if (error instanceof InputError) return { fault: error.message };
    throw error;
  }
}

async function predictOne(
  segmenter: Segmenter,
  { name, path }: ScanFile,
  channels: RecordedScan['channels'],
  probabilities: string | undefined,
  onShare: (share: number) => void,
): Promise<CasePrediction | { readonly fault: string }> {
  let shares: ProbabilityFile | undefined;
  const [scan] = channels;
  try {
    const prediction = await segmenter.predict(
      { channels, spacingMm: statedSpacingMm(scan.header.space) },
      {
        onShare,
        probabilities:
          probabilities === undefined
            ? undefined
            : (form) => {
                shares?.discard(); // an attempt before
                const file = new ProbabilityFile(probabilities, form, scan.header.space);
                shares = file;
                return (plane) => file.take(plane);
              },
        onPlan: (plan, classes) =>
          say(
            `${name}: ${scan.shape.join('×')} voxels, ${Math.ceil(plan.peakBytes / 2 ** 20)} MiB of GPU memory at most ` +
              `(${waysOf(plan, classes)})`,
          ),
      },
    );
    shares?.finish();
    return prediction;
  } catch (error) {
    shares?.discard();
    if (isMemoryFault(error)) return { fault: `${path}: ${error.message}` };
    throw error;
  }
}

/** How a plan does a case, in words. */
const waysOf = ({ batch, classesAtOnce, logits, strips }: CasePlan, classes: number): string =>
  [
    `${plural(batch, 'window')} at once`,
    ...(classesAtOnce < classes ? [`${classesAtOnce} of ${classes} classes at once`] : []),
    `logits in ${logits}`,
    ...(strips > 1 ? [`${strips} strips`] : []),
  ].join(', ');
