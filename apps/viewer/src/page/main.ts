/** The page: files in, pictures and figures out. All work is done by its worker. */
import type { CaseScore } from '@organseg/core/metrics/score.ts';
import type { KeptModel, ModelFacts, NamedFile, News, ShownLabels, ShownScan } from '../protocol.ts';
import { element, input, options, save } from './dom.ts';
import { chosenFiles, droppedFiles } from './drop.ts';
import { fillTable } from './organsTable.ts';
import { duration, Progress } from './progress.ts';
import { organRows, statisticsCsv, statisticsJson } from './statistics.ts';
import { PLANES, type PlaneName, View, WINDOWS, type WindowName } from './view.ts';
import { RequestError, WorkerClient } from './worker.ts';

const MIB = 2 ** 20;

/** What the build puts beside the page: paths from it. */
interface Demo {
  readonly scan: string;
  readonly reference: string;
  /** The files of the model in the box; none where there is no model yet. */
  readonly model: readonly string[];
}

const worker = new WorkerClient(new URL('worker.js', import.meta.url));
const progress = new Progress();
let view: View | undefined;
let demo: Demo | undefined;
let scan: { readonly files: readonly NamedFile[]; readonly shown: ShownScan } | undefined;
let model: { readonly facts: ModelFacts; readonly files: readonly NamedFile[] } | undefined;
let labels: ShownLabels | undefined;
let score: CaseScore | undefined;
let hidden: ReadonlySet<number> = new Set();
let busy = 0;

const show = (id: string, text: string) => {
  element(id).textContent = text;
};

function update(): void {
  input('segment').disabled = busy > 0 || !scan || !(model || demo?.model.length);
  element('cancel').hidden = busy === 0;
  element('bar').hidden = busy === 0;
  element('keep').hidden = !model?.files.length;
  element('results').hidden = !labels;
}

/** Does work of which the page tells how far it is, and what went wrong. Returns whether nothing did. */
async function during(work: (onNews: (news: News) => void) => Promise<void>): Promise<boolean> {
  busy++;
  show('fault', '');
  update();
  const bar = element<HTMLProgressElement>('bar');
  bar.value = 0;
  try {
    await work((news) => {
      bar.value = news.share;
      show('status', progress.line(news, performance.now()));
    });
    return true;
  } catch (error) {
    show('status', '');
    tell(error);
    return false;
  } finally {
    busy--;
    update();
  }
}

/** What went wrong, and what to do about it. */
function tell(error: unknown): void {
  const { message, kind } = error instanceof RequestError ? error : { message: String(error), kind: 'other' };
  if (kind === 'cancelled') show('status', 'Cancelled.');
  else if (kind === 'no GPU') show('fault', `${message}. ${GPU_ADVICE}`);
  else if (kind === 'memory') show('fault', `${message}. ${MEMORY_ADVICE}`);
  else if (kind === 'other') show('fault', `Something went wrong: ${message}. Reload the page to go on.`);
  else show('fault', message);
}

const GPU_ADVICE =
  'Segmenting needs WebGPU: Chrome or Edge 113, Safari 26, Firefox 141 or newer, with hardware acceleration on.';

const MEMORY_ADVICE = 'Close other pages that use the GPU, change what it may take, and segment again.';

async function openScan(given: Promised<readonly NamedFile[]>): Promise<boolean> {
  return during(async (onNews) => {
    const files = await given;
    const shown = await worker.ask('showScan', [files], onNews);
    labels = undefined;
    score = undefined;
    scan = { files, shown };
    const { shape, spacingMm, doubts } = shown;
    const size = `${shape.join(' × ')} voxels of ${spacingMm.map((mm) => Number(mm.toFixed(2))).join(' × ')} mm`;
    show('scan', [`${shown.name}: ${size}`, ...doubts].join('. '));
    show('status', '');
    await view?.showScan(shown.nifti, WINDOWS[element<HTMLSelectElement>('window').value as WindowName]);
    await updatePlan();
  });
}

async function openModel(given: Promised<readonly NamedFile[]>): Promise<boolean> {
  return during(async () => {
    const files = await given;
    show('status', 'opening the model…');
    opened(await worker.ask('openModel', [files]), files);
    await updatePlan();
  });
}

function opened(facts: ModelFacts, files: readonly NamedFile[]): void {
  model = { facts, files };
  const { name, kind, organs, channelNames, bytes } = facts;
  show(
    'model',
    `${name} (${kind}): ${organs.length} organs from ${channelNames.join(', ')}, ${inMb(bytes)} of weights`,
  );
  show('status', '');
}

const inMb = (bytes: number) =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

type Promised<T> = T | Promise<T>;

const capBytes = () => Math.max(1, Number(input('cap').value)) * MIB;

/** Says what the scan will take on this GPU, once there are a scan and a model; the crop to the body is not known yet. */
async function updatePlan(): Promise<void> {
  if (!scan || !model) return;
  const { shape, spacingMm } = scan.shown;
  const { bytes, fits } = await worker.ask('plan', [shape, spacingMm, capBytes()]);
  const mib = `${Math.ceil(bytes / MIB)} MiB of GPU memory`;
  const text = fits
    ? `will take about ${mib}`
    : Number.isFinite(bytes)
      ? `needs ${mib} at least: allow more`
      : 'cannot be done on this GPU: its buffers are too small for one window of the model';
  show('plan', text);
}

async function segment(): Promise<void> {
  if (!scan || busy) return;
  if (!model && !(await openModel(fetched(demo?.model ?? [])))) return;
  const { files } = scan;
  await during(async (onNews) => {
    labels = await worker.ask('segment', [files, capBytes()], onNews);
    score = undefined;
    hidden = new Set();
    const { nifti, coarse, seconds, peakGpuBytes, fallback, doubts } = labels;
    await view?.showLabels(nifti, coarse, model!.facts.organs);
    const took = `took ${duration(seconds)} and ${Math.ceil(peakGpuBytes / MIB)} MiB of GPU memory`;
    show('summary', fallback ? `${took}; on a coarser grid: ${fallback}` : took);
    show('status', doubts ? `Done; ${doubts}` : 'Done.');
    showOrgans();
  });
}

function showOrgans(): void {
  const rows = currentRows();
  fillTable(element<HTMLTableSectionElement>('organs'), rows, hidden, (off) => {
    hidden = off;
    if (view) view.hidden = off;
  });
  const text = score
    ? `means: DSC ${score.mean.dsc.toFixed(3)}, NSD ${score.mean.nsd.toFixed(3)}`
    : 'or drop one on this panel: DSC and NSD of each organ';
  show('comparison', text);
}

const currentRows = () => organRows(model!.facts.organs, labels!.figures, score);

async function compare(files: readonly NamedFile[]): Promise<void> {
  if (!labels) return;
  const { file } = labels;
  await during(async (onNews) => {
    score = await worker.ask('compare', [file, files], onNews);
    show('status', 'Compared.');
    showOrgans();
  });
}

/** Opens what was dropped or chosen: a scan where there are NIfTI files alone, else a model. */
async function open(files: readonly NamedFile[]): Promise<void> {
  if (files.length === 0 || busy) return;
  const isModel = files.some(({ path }) => /(\.zip|\.json|\.pth|\.pt|\.safetensors)$/i.test(path));
  await (isModel ? openModel(files) : openScan(files));
}

const fetched = (paths: readonly string[]): Promise<NamedFile[]> =>
  Promise.all(
    paths.map(async (path) => {
      const answer = await fetch(new URL(path, document.baseURI));
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return { path, file: await answer.blob() };
    }),
  );

async function showKept(kept: readonly KeptModel[]): Promise<void> {
  element('kept').hidden = kept.length === 0;
  element('kept-list').replaceChildren(
    ...kept.map(({ name, bytes }) => {
      const item = document.createElement('li');
      const title = document.createElement('span');
      title.textContent = `${name}, ${inMb(bytes)}`;
      item.append(
        title,
        button('Open', `Open ${name}`, () =>
          during(async () => {
            opened(await worker.ask('openKept', [name]), []);
            await updatePlan();
          }),
        ),
        button('Delete', `Delete ${name}`, () =>
          during(async () => showKept(await worker.ask('deleteKept', [name]))),
        ),
      );
      return item;
    }),
  );
}

function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', onClick);
  return made;
}

function listen(): void {
  const chosen = (id: string, take: (files: readonly NamedFile[]) => unknown) =>
    input(id).addEventListener('change', () => {
      const files = chosenFiles(input(id));
      input(id).value = ''; // so that the same file can be chosen again
      take(files);
    });
  chosen('scan-input', open);
  chosen('series-input', open);
  chosen('folder-input', open);
  chosen('zip-input', open);
  chosen('reference-input', compare);
  const clicked = (id: string, work: () => unknown) => element(id).addEventListener('click', work);
  clicked('segment', segment);
  clicked('cancel', () => worker.cancel());
  clicked('keep', () =>
    during(async () => {
      const { facts, files } = model!;
      show('status', 'keeping the model…');
      await showKept(await worker.ask('keepModel', [facts.name, files]));
      show('status', 'Kept.');
    }),
  );
  clicked('demo', async () => {
    if (busy || !demo) return;
    if ((await openScan(fetched([demo.scan]))) && (model || demo.model.length)) await segment();
  });
  const name = (ending: string) => `${scan!.shown.name}${ending}`;
  clicked('save-labels', () => save(labels!.file, name('.nii.gz')));
  clicked('save-csv', () => save(new Blob([statisticsCsv(currentRows())]), name('_statistics.csv')));
  clicked('save-json', () => save(new Blob([statisticsJson(currentRows())]), name('_statistics.json')));
  clicked('save-png', async () => save(await view!.png(), name('.png')));
  input('cap').addEventListener('change', () => updatePlan().catch(tell));
  input('opacity').addEventListener('input', () => {
    if (view) view.opacity = Number(input('opacity').value);
  });
  const windows = element<HTMLSelectElement>('window');
  windows.addEventListener('change', () => {
    if (view) view.window = WINDOWS[windows.value as WindowName];
  });
  const planes = element<HTMLSelectElement>('plane');
  planes.addEventListener('change', () => {
    if (view) view.plane = planes.value as PlaneName;
  });
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  addEventListener('dragleave', () => document.body.classList.remove('dragging'));
  addEventListener('drop', async (event) => {
    event.preventDefault();
    document.body.classList.remove('dragging');
    if (!event.dataTransfer) return;
    const isReference = event.target instanceof Node && element('results').contains(event.target);
    const files = await droppedFiles(event.dataTransfer);
    await (isReference ? compare(files) : open(files));
  });
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
    const next = (list: HTMLSelectElement) => {
      list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
      list.dispatchEvent(new Event('change'));
    };
    const keys: Record<string, () => unknown> = {
      s: segment,
      Escape: () => worker.cancel(),
      w: () => next(windows),
      v: () => next(planes),
      o: () => {
        const range = input('opacity');
        range.value = Number(range.value) > 0 ? '0' : '0.5';
        range.dispatchEvent(new Event('input'));
      },
    };
    keys[event.key]?.();
  });
  element('slices').addEventListener('keydown', (event) => {
    const steps: Record<string, [number, number, number]> = {
      ArrowLeft: [-1, 0, 0],
      ArrowRight: [1, 0, 0],
      ArrowUp: [0, 1, 0],
      ArrowDown: [0, -1, 0],
      PageUp: [0, 0, 1],
      PageDown: [0, 0, -1],
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    view?.move(...step);
  });
}

async function start(): Promise<void> {
  options('window', Object.keys(WINDOWS));
  options('plane', Object.keys(PLANES));
  listen();
  update();
  navigator.serviceWorker?.register(new URL('serviceWorker.js', document.baseURI)).catch(() => {}); // offline use alone needs it
  view = await View.open(
    element<HTMLCanvasElement>('slices'),
    element<HTMLCanvasElement>('solid'),
    ({ mm, hu, label }) => {
      const organ = label && model?.facts.organs.find((each) => each.label === label)?.name;
      const at = mm.map((value) => value.toFixed(1)).join(', ');
      show('place', [`${at} mm`, `${Math.round(hu)} HU`, organ].filter(Boolean).join(' · '));
    },
  ).catch((error) => {
    show('fault', `No pictures can be drawn, the page needs WebGL 2: ${(error as Error).message}`);
    return undefined;
  });
  demo = await fetch(new URL('demo/demo.json', document.baseURI))
    .then((answer) => (answer.ok ? answer.json() : undefined))
    .catch(() => undefined);
  element('demo').hidden = !demo;
  if (demo?.model.length) show('model', 'the model in the box, unless you drop another');
  try {
    const { name, software } = await worker.ask('openGpu', []);
    show('gpu', `GPU: ${name}${software ? ', a processor that plays GPU: expect minutes' : ''}`);
  } catch (error) {
    tell(error);
  }
  await worker.ask('keptModels', []).then(showKept, () => {}); // no storage: nothing is kept
  update();
  document.body.dataset.ready = 'true';
}

await start();
