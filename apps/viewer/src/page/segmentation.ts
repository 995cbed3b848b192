/** Scans and models that are opened, and what comes of them: labels, and how they compare with others. */
import { plural } from '@organseg/core/words.ts';
import type { LabelPictures, ModelFacts, NamedFile, News, Prediction } from '../protocol.ts';
import { element, input, show } from './dom.ts';
import { fetchedFiles } from './drop.ts';
import { fillTable } from './organsTable.ts';
import { SecondPrediction } from './secondPrediction.ts';
import { type OpenModel, page, type Result } from './state.ts';
import { type OrganRow, organRows } from './statistics.ts';
import { WINDOWS, type WindowName } from './view.ts';
import { duration, inMb } from './words.ts';
import { during, isBusy, isRefused, throwIfCancelled, worker } from './work.ts';

const MIB = 2 ** 20;

/** What makes a model of a plan. */
const HOW_TO_TEACH =
  'Give the scan its labels, with the pen or from a label map, below the table of organs; then Learn from this.';

export const second = new SecondPrediction();

/** Opens a scan; `leftOut` are files that lay beside it. */
export async function openScan(
  given: Promised<readonly NamedFile[]>,
  leftOut: readonly NamedFile[] = [],
): Promise<boolean> {
  return during(async (onNews) => {
    const files = await given;
    throwIfCancelled();
    const { nifti, ...shown } = await worker.ask('showScan', [files], onNews);
    page.result = undefined;
    page.score = undefined;
    second.forget();
    page.scan = { files, shown, bytes: nifti.voxels.byteLength };
    const { shape, spacingMm, doubts } = shown;
    const size = `${shape.join(' × ')} voxels of ${spacingMm.map((mm) => Number(mm.toFixed(2))).join(' × ')} mm`;
    const left = leftOut.map(({ path }) => path).sort();
    const notes = [...doubts, ...(left.length ? [`Left out: ${left.join(', ')}`] : [])];
    show('scan', [`${shown.name}: ${size}`, ...notes].join('. '));
    show('status', 'drawing…');
    await page.view?.showScan(nifti, WINDOWS[element<HTMLSelectElement>('window').value as WindowName]);
    show('status', '');
    if (page.model) await takeIn(onNews);
    else if (page.modelInBox.length) await openBox(onNews);
  });
}

export const openModel = (files: readonly NamedFile[]): Promise<boolean> =>
  during((onNews) => readModel(files, { isKept: false }, onNews));

async function openBox(onNews: OnNews): Promise<void> {
  const files = await fetchedFiles(page.modelInBox);
  throwIfCancelled();
  await readModel(files, { name: 'model in the box', isKept: true }, onNews);
}

/** Opens a model, as a part of other work; without a name it has its folder's. */
export async function readModel(
  files: readonly NamedFile[],
  { name, isKept }: { readonly name?: string; readonly isKept: boolean },
  onNews: OnNews,
): Promise<void> {
  show('status', 'opening the model…');
  opened({ facts: await worker.ask('openModel', name ? [files, name] : [files]), files, isKept });
  await takeIn(onNews);
}

/** Says what the scan and the model that are open will take; a plan's labels are yet to be given. */
async function takeIn(onNews: OnNews): Promise<void> {
  await updatePlan();
  const { scan, model, result } = page;
  if (scan && model && hasLearntNothing(model) && !(result && hasSameOrgans(model.facts, result.model)))
    await takeLabels(undefined, onNews);
}

/** Whether a model is a plan. */
const hasLearntNothing = ({ facts }: OpenModel): boolean => facts.learningBytes !== undefined;

/** Whether labels of one model are labels of the other. */
export const hasSameOrgans = (one: ModelFacts, other: ModelFacts): boolean =>
  JSON.stringify(one.organs) === JSON.stringify(other.organs);

/** Shows a label map that was made elsewhere as the open model's labels of the scan; without one none of its voxels has any. */
export async function takeLabels(files: readonly NamedFile[] | undefined, onNews: OnNews): Promise<void> {
  const model = page.model!.facts;
  const answer = await worker.ask('takeLabels', [page.scan!.files, files, model], onNews);
  const { pictures, note, ...labels } = answer;
  const summary = files ? [`labels of ${files[0]!.path}`, note].filter(Boolean).join('; ') : 'no labels yet';
  await showResult({ labels, model, isCorrected: files !== undefined, summary }, pictures);
  show('status', '');
}

export function opened(given: OpenModel): void {
  page.model = given;
  const { name, kind, organs, channelNames, bytes } = given.facts;
  show(
    'model',
    `${name} (${kind}): ${plural(organs.length, 'organ')} from ${channelNames.join(', ')}, ${inMb(bytes)} of weights`,
  );
  show('status', '');
}

type Promised<T> = T | Promise<T>;
type OnNews = (news: News) => void;

/** The most bytes of GPU memory that the user allows. */
export const capBytes = (): number => Math.max(1, Number(input('cap').value)) * MIB;

/** Says what the scan will take, once there are a scan and a model, whatever is cropped to the body. */
export async function updatePlan(): Promise<void> {
  if (!page.scan || !page.model) return;
  const { learningBytes } = page.model.facts;
  if (learningBytes !== undefined) {
    const mib = `${Math.ceil(learningBytes / MIB)} MiB of GPU memory`;
    const isAllowed = learningBytes <= capBytes();
    show('plan', isAllowed ? `learning will take about ${mib}` : `learning needs ${mib}: allow more`);
    return;
  }
  const { shape, spacingMm } = page.scan.shown;
  const { bytes, fits } = await worker.ask('plan', [shape, spacingMm, capBytes()]);
  const mib = `${Math.ceil(bytes / MIB)} MiB of GPU memory`;
  // The worker holds the scan and its labels, a byte a voxel, and the page neither.
  const hostBytes = page.scan.bytes + shape.reduce((product, n) => product * n, 1);
  const text = fits
    ? `will take at most ${mib}, and ${inMb(hostBytes)} of the computer’s for the scan and its labels`
    : Number.isFinite(bytes)
      ? `needs ${mib} at least: allow more`
      : 'cannot be done on this GPU: its buffers are too small for one window of the model';
  show('plan', text);
}

export async function segment(): Promise<void> {
  const { scan } = page;
  if (!scan || isBusy()) return;
  if (!page.model && !(await during(openBox))) return;
  const { facts } = page.model!;
  if (hasLearntNothing(page.model!)) {
    show('fault', `${facts.name} has learnt nothing yet. ${HOW_TO_TEACH}`);
    return;
  }
  let done = '';
  await during(async (onNews) => {
    const labels = await lent(onNews, () => worker.ask('segment', [scan.files, capBytes()], onNews));
    await page.view?.takeBack(labels.voxels);
    const { seconds, peakGpuBytes, fallback, doubts } = labels;
    const took = `took ${duration(seconds)} and ${Math.ceil(peakGpuBytes / MIB)} MiB of GPU memory`;
    const summary = fallback ? `${took}; on a coarser grid: ${fallback}` : took;
    const { file, figures, pictures } = labels;
    await showResult({ labels: { file, figures }, model: facts, isCorrected: false, summary }, pictures);
    done = doubts ? `Done; ${doubts}` : 'Done.';
    show('status', done);
  });
  if (done && (await second.compare(prediction()))) show('status', done);
}

/**
 * Does work of the worker's on the scan, while the page holds neither its voxels nor those of its labels, so that there is
 * one of each. Where the work fails they are read again, and shown as they were.
 */
async function lent<T>(onNews: OnNews, work: () => Promise<T>): Promise<T> {
  second.hide();
  await page.view?.letGo();
  try {
    throwIfCancelled();
    return await work();
  } catch (error) {
    await restore(onNews).catch(closeScan);
    throw error;
  }
}

async function restore(onNews: OnNews): Promise<void> {
  const { nifti } = await worker.ask('showScan', [page.scan!.files], onNews);
  const labels = page.result && (await worker.ask('showLabels', [page.result.labels.file])).nifti;
  await page.view?.takeBack(nifti.voxels, ...(labels ? [labels.voxels] : []));
  if (page.result) await second.again(prediction(), onNews);
}

/** Shows nothing any more of a scan whose files cannot be read again. */
function closeScan(): void {
  page.view?.takeBack();
  page.view?.clear();
  page.scan = undefined;
  page.result = undefined;
  second.forget();
  for (const id of ['plan', 'place']) show(id, '');
  show('scan', 'none any more: its files cannot be read');
}

/** Shows labels in place of those before. */
export async function showResult(result: Result, pictures: LabelPictures): Promise<void> {
  page.result = result;
  page.score = undefined;
  page.hidden = new Set();
  second.hide();
  const { model, summary } = result;
  show('summary', summary);
  showOrgans();
  show('status', 'drawing…');
  await page.view?.showLabels(pictures, model.organs);
}

function showOrgans(): void {
  const { score } = page;
  fillTable(element<HTMLTableSectionElement>('organs'), currentRows(), page.hidden, (off) => {
    page.hidden = off;
    if (page.view) page.view.hidden = off;
  });
  const text = score
    ? `means: DSC ${score.mean.dsc.toFixed(3)}, NSD ${score.mean.nsd.toFixed(3)}`
    : 'or drop one on this panel: DSC and NSD of each organ';
  show('comparison', text);
}

/** The figures of the labels that are shown. */
export function currentRows(): OrganRow[] {
  const { labels, model } = page.result!;
  return organRows(model.organs, labels.figures, page.score);
}

/** The prediction that is shown. */
export function prediction(): Prediction {
  const { labels, model, isCorrected } = page.result!;
  const files = [{ path: 'labels.nii.gz', file: labels.file }];
  const name = isCorrected ? `${model.name}, corrected` : model.name;
  const regions = model.organs.flatMap(({ label, region }) =>
    region ? [{ name: region.name, label, labels: region.ids }] : [],
  );
  return {
    name,
    files,
    organs: model.organs.map((organ) => organ.name),
    regions: regions.length ? regions : undefined,
  };
}

/** Compares with a reference. */
export async function compare(files: readonly NamedFile[]): Promise<void> {
  if (!page.result || isRefused()) return;
  await during(async (onNews) => {
    page.score = await worker.ask('compare', [prediction(), files], onNews);
    show('status', 'Compared.');
    showOrgans();
  });
}

/** Compares with a label map that was made elsewhere. */
export async function openSecond(files: readonly NamedFile[]): Promise<void> {
  const [first] = files;
  if (!first || !page.result || isRefused()) return;
  const name = first.path.split('/').at(-1)!;
  await second.open(prediction(), { name, files, organs: undefined });
}
