/** Scans and models that are opened, and what comes of them: labels, and how they compare with others. */
import type { NamedFile, Prediction } from '../protocol.ts';
import { element, input, show } from './dom.ts';
import { fetchedFiles } from './drop.ts';
import { fillTable } from './organsTable.ts';
import { SecondPrediction } from './secondPrediction.ts';
import { type OpenModel, page, type Result } from './state.ts';
import { type OrganRow, organRows } from './statistics.ts';
import { WINDOWS, type WindowName } from './view.ts';
import { duration, inMb } from './words.ts';
import { during, isBusy, worker } from './work.ts';

const MIB = 2 ** 20;

export const second = new SecondPrediction();

export async function openScan(given: Promised<readonly NamedFile[]>): Promise<boolean> {
  return during(async (onNews) => {
    const files = await given;
    const shown = await worker.ask('showScan', [files], onNews);
    page.result = undefined;
    page.score = undefined;
    second.forget();
    page.scan = { files, shown };
    const { shape, spacingMm, doubts } = shown;
    const size = `${shape.join(' × ')} voxels of ${spacingMm.map((mm) => Number(mm.toFixed(2))).join(' × ')} mm`;
    show('scan', [`${shown.name}: ${size}`, ...doubts].join('. '));
    show('status', '');
    page.view?.showScan(shown.nifti, WINDOWS[element<HTMLSelectElement>('window').value as WindowName]);
    await updatePlan();
  });
}

export async function openModel(given: Promised<readonly NamedFile[]>): Promise<boolean> {
  return during(async () => {
    const files = await given;
    show('status', 'opening the model…');
    opened({ facts: await worker.ask('openModel', [files]), files, isKept: false });
    await updatePlan();
  });
}

export function opened(given: OpenModel): void {
  page.model = given;
  const { name, kind, organs, channelNames, bytes } = given.facts;
  show(
    'model',
    `${name} (${kind}): ${organs.length} organs from ${channelNames.join(', ')}, ${inMb(bytes)} of weights`,
  );
  show('status', '');
}

type Promised<T> = T | Promise<T>;

/** The most bytes of GPU memory that the user allows. */
export const capBytes = (): number => Math.max(1, Number(input('cap').value)) * MIB;

/** Says what the scan will take, once there are a scan and a model; the crop to the body is not known yet. */
export async function updatePlan(): Promise<void> {
  if (!page.scan || !page.model) return;
  const { shape, spacingMm, nifti } = page.scan.shown;
  const { bytes, fits } = await worker.ask('plan', [shape, spacingMm, capBytes()]);
  const mib = `${Math.ceil(bytes / MIB)} MiB of GPU memory`;
  // The page and its worker hold the scan each, and one of the two its labels, a byte a voxel.
  const hostBytes = 2 * nifti.voxels.byteLength + shape.reduce((product, n) => product * n, 1);
  const text = fits
    ? `will take about ${mib}, and ${inMb(hostBytes)} of the computer’s for the scan and its labels`
    : Number.isFinite(bytes)
      ? `needs ${mib} at least: allow more`
      : 'cannot be done on this GPU: its buffers are too small for one window of the model';
  show('plan', text);
}

export async function segment(): Promise<void> {
  const { scan } = page;
  if (!scan || isBusy()) return;
  if (!page.model && !(await openModel(fetchedFiles(page.modelInBox)))) return;
  const { facts } = page.model!;
  let done = '';
  await during(async (onNews) => {
    const labels = await worker.ask('segment', [scan.files, capBytes()], onNews);
    const { seconds, peakGpuBytes, fallback, doubts } = labels;
    const took = `took ${duration(seconds)} and ${Math.ceil(peakGpuBytes / MIB)} MiB of GPU memory`;
    const summary = fallback ? `${took}; on a coarser grid: ${fallback}` : took;
    await showResult({ labels, model: facts, isCorrected: false, summary });
    done = doubts ? `Done; ${doubts}` : 'Done.';
    show('status', done);
  });
  if (done && (await second.compare(prediction()))) show('status', done);
}

/** Shows labels in place of those before. */
export async function showResult(result: Result): Promise<void> {
  page.result = result;
  page.score = undefined;
  page.hidden = new Set();
  second.hide();
  const { labels, model, summary } = result;
  page.view?.showLabels(labels.nifti, labels.coarse, model.organs);
  show('summary', summary);
  showOrgans();
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
  if (!page.result || isBusy()) return;
  await during(async (onNews) => {
    page.score = await worker.ask('compare', [prediction(), files], onNews);
    show('status', 'Compared.');
    showOrgans();
  });
}

/** Compares with a label map that was made elsewhere. */
export async function openSecond(files: readonly NamedFile[]): Promise<void> {
  const [first] = files;
  if (!first || !page.result || isBusy()) return;
  const name = first.path.split('/').at(-1)!;
  await second.open(prediction(), { name, files, organs: undefined });
}
