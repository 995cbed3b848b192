/** Learning from a scan whose label map was corrected: a short training of the open model, and the run that it gives. */
import { InputError } from '@organseg/core/inputError.ts';
import { networkLayout } from '@organseg/core/network/network.ts';
import { initialise } from '@organseg/core/network/parameters.ts';
import { encodeSafetensors } from '@organseg/core/network/safetensors.ts';
import { Random } from '@organseg/core/random.ts';
import { OpenSafetensors } from '@organseg/files/openSafetensors.ts';
import { OutOfGpuMemoryError } from '@organseg/kernels/arena.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { knownChannels } from '@organseg/train/config/channels.ts';
import { parameterLayout } from '@organseg/train/config/network.ts';
import { networkConfig } from '@organseg/train/config/networkSettings.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import { labelTensors, PreparedCase } from '@organseg/train/data/preparedCase.ts';
import { labelsOn, preparedFor, prepareImage, sizeOf } from '@organseg/train/data/prepareImage.ts';
import { learnCase } from '@organseg/train/learn/learnCase.ts';
import { learningSettings } from '@organseg/train/learn/learningSettings.ts';
import type { Model } from '@organseg/train/predict/model.ts';
import { initialOf, initialWeights } from '@organseg/train/run/initialWeights.ts';
import { trainingPeakBytes } from '@organseg/train/run/memory.ts';
import { BEST, encodeParameters } from '@organseg/train/run/openParameters.ts';
import { DESCRIPTION, type RunDescription, runText } from '@organseg/train/run/runDescription.ts';
import type { LearningRequest, LearntModel, NamedFile } from '../protocol.ts';
import { blobBytes } from './blobBytes.ts';
import { caseNameOf, readChannels, readLabelMap } from './scanFiles.ts';
import { hasLearnt, reading, type Watch } from './segmenter.ts';

const MIB = 2 ** 20;

/** Throws InputError where the model cannot learn, or not on this GPU. */
export async function learn(
  gpu: Gpu,
  model: Model,
  { scan: files, labels: labelFile, steps, capBytes, name }: LearningRequest,
  { tell, signal }: Watch,
): Promise<LearntModel> {
  const config = learningSettings(model, steps);
  await assertMemory(gpu, model, config, capBytes);
  const wanted = preparedFor(config, knownChannels(config, model.channelNames));
  const scan = await readChannels(files, model.channelNames, reading({ tell, signal }, 'reading the scan'));
  const labels = await readLabelMap([{ path: 'labels.nii.gz', file: labelFile }], () => {});
  tell({ stage: 'preparing the scan', share: 0 });
  const { tensors, metadata, geometry } = await prepareImage(gpu, scan, wanted);
  const size = sizeOf(geometry);
  const image = safetensorsOf(tensors, metadata, 'the scan');
  const prepared = safetensorsOf(labelTensors(size, labelsOn(labels, geometry, wanted)), {}, 'its labels');
  signal.throwIfAborted();
  tell({ stage: 'making the network ready', share: 0 });
  const initial = hasLearnt(model) ? initialOf(model, model.paths[0]!) : undefined;
  const random = new Random(config.seed);
  const { parameters, notes } = initial
    ? await initialWeights(initial, config, model.labelNames, random)
    : { parameters: initialise(parameterLayout(config), random.fork('initialise')), notes: [] };
  const phase = initial ? 'fineTuning' : 'initial';
  const learnt = await learnCase(gpu, config, phase, parameters, new PreparedCase(image, prepared), {
    signal,
    onStep: (step, all, loss) =>
      tell({ stage: 'learning', share: step / all, whole: { amount: all, unit: 'steps' }, loss }),
  });
  const run: RunDescription = {
    phase,
    data: 'labelled in the viewer',
    init: initial?.path ?? null,
    branches: false,
    initWeights: (await initial?.weights.sha256()) ?? null,
    pseudo: null,
    fold: null,
    prepared: null,
    labelNames: model.labelNames,
    ignoreLabel: null,
    channelNames: wanted.channelNames,
    trainingCases: [caseNameOf(files)],
    validationCases: [],
    sources: null,
    config,
  };
  const { specs } = networkLayout(networkConfig(config));
  const made: NamedFile[] = [
    { path: `${name}/${DESCRIPTION}`, file: new Blob([runText(run)]) },
    { path: `${name}/${BEST}`, file: blobOf(encodeParameters(specs, learnt)) },
  ];
  return { files: made, notes };
}

/** Throws InputError where learning takes more memory than is allowed, or than the GPU's buffers hold. */
async function assertMemory(gpu: Gpu, model: Model, config: Config, capBytes: number): Promise<void> {
  const bytes = await bytesOf(gpu, model, config);
  if (bytes <= capBytes) return;
  const [needed, allowed] = [bytes, capBytes].map((value) => Math.ceil(value / MIB));
  throw new InputError(`learning needs ${needed} MiB of GPU memory, ${allowed} are allowed: allow more`);
}

/** What learning takes of the GPU's memory. Throws InputError where the model cannot learn, or not on this GPU. */
export const bytesToLearn = (gpu: Gpu, model: Model): Promise<number> =>
  bytesOf(gpu, model, learningSettings(model, 1));

async function bytesOf(gpu: Gpu, { paths }: Model, config: Config): Promise<number> {
  try {
    return await trainingPeakBytes(gpu, config, 'fineTuning', config.patch);
  } catch (error) {
    if (!(error instanceof OutOfGpuMemoryError)) throw error;
    throw new InputError(
      `${paths[0]}: is too large to learn on this GPU (${error.message}); one of fewer filters or smaller patches would do`,
    );
  }
}

/** What was prepared, where the browser keeps it, read in parts. */
const safetensorsOf = (
  tensors: Parameters<typeof encodeSafetensors>[0]['tensors'],
  metadata: Parameters<typeof encodeSafetensors>[0]['metadata'],
  name: string,
): OpenSafetensors => new OpenSafetensors(blobBytes(blobOf(encodeSafetensors({ metadata, tensors })), name));

const blobOf = (parts: Iterable<Uint8Array>): Blob => new Blob([...parts] as Uint8Array<ArrayBuffer>[]);
