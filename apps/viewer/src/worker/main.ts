/** The worker of the page: reads files, segments, compares and learns, one request after another, so that the page never waits. */
import { InputError } from '@organseg/core/inputError.ts';
import { spacingOf } from '@organseg/core/volume/affine.ts';
import type { Xyz } from '@organseg/core/volume/volume.ts';
import { plural } from '@organseg/core/words.ts';
import { storedZipOf } from '@organseg/files/storedZip.ts';
import { isMemoryFault } from '@organseg/train/predict/attempts.ts';
import { modelOfFiles } from '@organseg/train/predict/modelOfFiles.ts';
import { z } from 'zod';
import type {
  Fault,
  FromWorker,
  ModelFacts,
  NamedFile,
  News,
  RequestName,
  Requests,
  ToWorker,
} from '../protocol.ts';
import { comparePredictions, compareWithReference, labelsOfModel } from './compare.ts';
import { droppedModel } from './droppedFiles.ts';
import { planIn } from './droppedPlan.ts';
import { deleteKept, filesOfKept, keepModel, keptModels } from './keptModels.ts';
import { labelledScan } from './labelledScan.ts';
import { bytesToLearn, learn } from './learner.ts';
import { OwnedGpu } from './ownedGpu.ts';
import { caseNameOf, readChannels, readLabelMap } from './scanFiles.ts';
import { hasLearnt, reading, Segmenter, type Watch } from './segmenter.ts';
import { niftiOf, picturesOf } from './shownVolumes.ts';

// Compiling schemas is what the page's security policy forbids.
z.config({ jitless: true });

/** The browser has no WebGPU, or no adapter. */
class GpuError extends Error {}

let owner: OwnedGpu | undefined;
let segmenter: Segmenter | undefined;
let atWork = new AbortController();

type Handlers = {
  [Name in RequestName]: (watch: Watch, ...args: Requests[Name]['args']) => Promise<Requests[Name]['answer']>;
};

const HANDLERS: Handlers = {
  async openGpu() {
    const { gpu } = await gpuOwner();
    return { name: gpu.adapter.name, software: gpu.adapter.software };
  },
  openModel: (watch, files, name) => openModel(watch, files, name),
  async keepModel(_, name, files) {
    await keepModel(name, files);
    return keptModels();
  },
  keptModels,
  filesOfKept: (_, name) => filesOfKept(name),
  async deleteKept(_, name) {
    await deleteKept(name);
    return keptModels();
  },
  async showScan(watch, files) {
    const [scan] = await readChannels(files, undefined, reading(watch, 'reading the scan'));
    return {
      name: caseNameOf(files).split('/').at(-1)!,
      shape: scan.shape,
      spacingMm: spacingOf(scan.affine),
      nifti: niftiOf(scan),
      doubts: scan.doubts.map(({ text }) => text),
    };
  },
  plan: async (_, shape, spacingMm, capBytes) =>
    opened().plan(shape as unknown as Xyz, spacingMm as unknown as Xyz, capBytes),
  showLabels: async (_, file) => picturesOf(await readLabelMap([{ path: 'labels.nii.gz', file }], () => {})),
  async segment(watch, files, capBytes) {
    await gpuOwner();
    return opened().segment(files, capBytes, watch);
  },
  async correct(watch, files, data, { organs, channelNames }) {
    const [scan] = await readChannels(files, undefined, reading(watch, 'reading the scan'));
    return labelledScan(scan, { shape: scan.shape, affine: scan.affine, data }, organs, channelNames);
  },
  async takeLabels(watch, files, labels, model) {
    const [scan] = await readChannels(files, model.channelNames, reading(watch, 'reading the scan'));
    const { data, note } = labels
      ? await labelsOfModel(model, labels, scan, watch)
      : { data: new Uint8Array(scan.data.length), note: '' };
    const own = { shape: scan.shape, affine: scan.affine, data };
    return { ...(await labelledScan(scan, own, model.organs, model.channelNames)), note };
  },
  async learn(watch, request) {
    const { gpu } = await gpuOwner();
    const { model } = opened();
    opened().close(); // its memory is for learning
    return learn(gpu, model, request, watch);
  },
  zip: (_, files) => storedZipOf(files),
  compare: (watch, prediction, reference) => compareWithReference(prediction, reference, watch),
  comparePredictions: (watch, first, second) => comparePredictions(first, second, watch),
};

/** The GPU, opened anew where it was lost since the last request. Throws GpuError. */
async function gpuOwner(): Promise<OwnedGpu> {
  try {
    owner ??= await OwnedGpu.open();
    if (owner.gpu.isLost) await owner.reopen();
    return owner;
  } catch (error) {
    throw new GpuError((error as Error).message);
  }
}

function opened(): Segmenter {
  if (!segmenter) throw new InputError('no model is open yet');
  return segmenter;
}

async function openModel({ signal }: Watch, files: readonly NamedFile[], name?: string): Promise<ModelFacts> {
  const dropped = await droppedModel(files, signal);
  const model = (await planIn(dropped)) ?? (await modelOfFiles(dropped));
  const owner = await gpuOwner();
  const learningBytes = hasLearnt(model) ? undefined : await bytesToLearn(owner.gpu, model);
  signal.throwIfAborted();
  segmenter?.close();
  segmenter = new Segmenter(owner, model);
  const { preprocessing, weights, paths } = model;
  const networks = weights.length > 1 ? `, ${plural(weights.length, 'network')} averaged` : '';
  const kind = hasLearnt(model) ? `${preprocessing.by}${networks}` : 'a plan, which has learnt nothing yet';
  return { ...segmenter.facts(name ?? paths[0]!.split('/').at(-1)!, kind), learningBytes };
}

function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DOMException && error.name === 'AbortError') return { kind: 'cancelled', message };
  if (error instanceof DOMException && error.name === 'QuotaExceededError')
    return { kind: 'storage', message: 'the browser gives no more room; delete a kept model, or keep none' };
  if (error instanceof GpuError) return { kind: 'no GPU', message };
  if (isMemoryFault(error)) return { kind: 'memory', message };
  if (error instanceof InputError) return { kind: 'input', message };
  if (error instanceof RangeError && /allocation/i.test(message))
    return { kind: 'input', message: 'the scan does not fit into the memory that the browser gives a page' };
  return { kind: 'other', message };
}

const send = (message: FromWorker, transfer: Transferable[] = []) =>
  (postMessage as (message: FromWorker, transfer: Transferable[]) => void)(message, transfer);

/** The buffers of an answer and of its parts, which the worker needs no more. */
const buffersIn = (answer: unknown): ArrayBuffer[] => {
  if (answer instanceof ArrayBuffer) return [answer];
  return typeof answer === 'object' && answer !== null ? Object.values(answer).flatMap(buffersIn) : [];
};

async function answer(id: number, request: RequestName, args: readonly unknown[]): Promise<void> {
  atWork = new AbortController();
  const watch: Watch = { signal: atWork.signal, tell: (news: News) => send({ id, news }) };
  try {
    const handler = HANDLERS[request] as (watch: Watch, ...args: readonly unknown[]) => Promise<unknown>;
    const answer = await handler(watch, ...args);
    send({ id, answer }, buffersIn(answer));
  } catch (error) {
    send({ id, fault: faultOf(error) });
  }
}

let queue = Promise.resolve();
addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if ('cancel' in data) atWork.abort();
  else queue = queue.then(() => answer(data.id, data.request, data.args));
});
