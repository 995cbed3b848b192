/** The page: files in, pictures and figures out. All work is done by its worker. */
import type { KeptModel, NamedFile } from '../protocol.ts';
import { listenToPen, PEN_KEYS } from './correction.ts';
import { element, input, options, save, show } from './dom.ts';
import { besideSlices, chosenFiles, droppedFiles, fetchedFiles } from './drop.ts';
import { listKept } from './keptModels.ts';
import { chooseNext, listenToKeys, moveByKeys, zoomByKeys } from './keys.ts';
import { learnFrom, listenToLearning, updateLearning } from './learning.ts';
import {
  compare,
  currentRows,
  openModel,
  openScan,
  openSecond,
  prediction,
  readModel,
  second,
  segment,
  updatePlan,
} from './segmentation.ts';
import { page } from './state.ts';
import { statisticsCsv, statisticsJson } from './statistics.ts';
import { PLANES, type PlaneName, View, WINDOWS, type WindowName } from './view.ts';
import {
  cancel,
  during,
  isBusy,
  isEnding,
  isRefused,
  isWorking,
  onWork,
  tell,
  throwIfCancelled,
  worker,
} from './work.ts';

/** What the build puts beside the page: paths from it. */
interface Demo {
  readonly scan: string;
  readonly reference: string;
  /** The files of the model in the box; none where there is no model yet. */
  readonly model: readonly string[];
}

let demo: Demo | undefined;

/** What is said of values while the worker has them. */
const PAUSED = 'HU, window, opacity and switches of organs wait until it is segmented';

function update(): void {
  input('segment').disabled = isBusy() || !page.scan || !(page.model || page.modelInBox.length);
  element('cancel').hidden = !isWorking();
  input('cancel').disabled = isEnding();
  element('bar').hidden = !isWorking();
  element('keep').hidden = !page.model || page.model.isKept;
  element('results').hidden = !page.result;
  for (const id of ['demo', 'keep']) input(id).disabled = isBusy();
  for (const id of ['correct', 'keep-second']) input(id).disabled = isBusy() || !page.view;
  input('save-png').disabled = !page.view;
  updateLearning();
}

/** Opens what was dropped or chosen: a scan where there are slices of DICOM or NIfTI files alone, else a model. */
async function open(files: readonly NamedFile[]): Promise<void> {
  if (isRefused()) return;
  if (files.length === 0) {
    show('fault', 'What was dropped holds no file.');
    return;
  }
  let beside: readonly NamedFile[] = [];
  await during(async () => {
    beside = await besideSlices(files);
  });
  const wanted = files.filter((file) => !beside.includes(file));
  const isModel = wanted.some(({ path }) => /(\.zip|\.json|\.pth|\.pt|\.safetensors)$/i.test(path));
  await (isModel ? openModel(wanted) : openScan(wanted, beside));
}

function showKept(kept: readonly KeptModel[]): void {
  listKept(
    kept,
    (name) =>
      isRefused() ||
      during(async (onNews) => {
        const files = await worker.ask('filesOfKept', [name]);
        await readModel(files, { name, isKept: true }, onNews);
      }),
    (name) => isRefused() || during(async () => showKept(await worker.ask('deleteKept', [name]))),
  );
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
  chosen('labels-input', learnFrom);
  chosen('reference-input', compare);
  chosen('second-input', openSecond);
  const clicked = (id: string, work: () => unknown) => element(id).addEventListener('click', work);
  clicked('segment', segment);
  clicked('cancel', cancel);
  clicked('keep', () =>
    during(async () => {
      const { facts, files } = page.model!;
      show('status', 'keeping the model…');
      showKept(await worker.ask('keepModel', [facts.name, files]));
      show('status', 'Kept.');
    }),
  );
  clicked('keep-second', () => second.keep(prediction()));
  clicked('forget-second', () => second.forget());
  clicked('demo', async () => {
    if ((await openScan(fetchedFiles([demo!.scan]))) && (page.model || page.modelInBox.length))
      await segment();
  });
  const name = (ending: string) => `${page.scan!.shown.name}${ending}`;
  clicked('save-labels', () => save(page.result!.labels.file, name('.nii.gz')));
  clicked('save-csv', () => save(new Blob([statisticsCsv(currentRows())]), name('_statistics.csv')));
  clicked('save-json', () => save(new Blob([statisticsJson(currentRows())]), name('_statistics.json')));
  clicked('save-png', async () => save(await page.view!.png(), name('.png')));
  input('cap').addEventListener('change', () => updatePlan().catch(tell));
  input('opacity').addEventListener('input', () => {
    if (page.view) page.view.opacity = Number(input('opacity').value);
  });
  const windows = element<HTMLSelectElement>('window');
  windows.addEventListener('change', () => {
    if (page.view) page.view.window = WINDOWS[windows.value as WindowName];
  });
  const planes = element<HTMLSelectElement>('plane');
  planes.addEventListener('change', () => {
    element('canvases').classList.toggle('one', planes.value !== 'all planes');
    if (page.view) page.view.plane = planes.value as PlaneName;
    dispatchEvent(new Event('resize'));
  });
  listenToPen();
  listenToLearning();
  listenToDrops();
  listenToKeys({
    s: segment,
    Escape: cancel,
    w: () => chooseNext(windows),
    v: () => chooseNext(planes),
    o: () => {
      const range = input('opacity');
      range.value = Number(range.value) > 0 ? '0' : '0.5';
      range.dispatchEvent(new Event('input'));
    },
    d: () => input('differences').click(),
    ...PEN_KEYS,
  });
  for (const id of ['slices', 'second-slices', 'solid'])
    element(id).addEventListener('webglcontextlost', () =>
      show('fault', 'The GPU was lost, and the pictures with it. Save what you need, then reload the page.'),
    );
  for (const id of ['slices', 'second-slices']) {
    moveByKeys(element(id), (...step) => page.view?.move(...step));
    zoomByKeys(element(id), (factor) => page.view?.zoom(factor));
  }
}

/** Takes what is dropped anywhere, before NiiVue does, which keeps from the page what is dropped on its pictures. */
function listenToDrops(): void {
  const capture = true;
  addEventListener(
    'dragover',
    (event) => {
      event.preventDefault();
      document.body.classList.add('dragging');
    },
    capture,
  );
  addEventListener('dragleave', () => document.body.classList.remove('dragging'), capture);
  addEventListener(
    'drop',
    async (event) => {
      event.preventDefault();
      document.body.classList.remove('dragging');
      const { dataTransfer } = event;
      if (!dataTransfer || isRefused()) return;
      const isOn = (id: string) => event.target instanceof Node && element(id).contains(event.target);
      const take = isOn('teacher') ? learnFrom : isOn('two') ? openSecond : isOn('results') ? compare : open;
      let files: readonly NamedFile[] = [];
      const isRead = await during(async () => {
        show('status', 'looking for files in what was dropped…');
        files = await droppedFiles(dataTransfer);
        throwIfCancelled();
        show('status', '');
      });
      if (isRead) await take(files);
    },
    capture,
  );
}

async function start(): Promise<void> {
  options('window', Object.keys(WINDOWS));
  options('plane', Object.keys(PLANES));
  onWork(update);
  listen();
  navigator.serviceWorker?.register(new URL('serviceWorker.js', document.baseURI)).catch(() => {}); // offline use alone needs it
  page.view = await View.open(
    element<HTMLCanvasElement>('slices'),
    element<HTMLCanvasElement>('solid'),
    ({ mm, hu, label }) => {
      const organ = label && page.result?.model.organs.find((each) => each.label === label)?.name;
      const at = mm.map((value) => value.toFixed(1)).join(', ');
      const value = hu === undefined ? PAUSED : `${Math.round(hu)} HU`;
      show('place', [`${at} mm`, value, organ].filter(Boolean).join(' · '));
    },
  ).catch((error) => {
    // Where it stays: what is opened clears a fault.
    show('place', `No pictures can be drawn, the page needs WebGL 2: ${(error as Error).message}`);
    return undefined;
  });
  demo = await fetch(new URL('demo/demo.json', document.baseURI))
    .then((answer) => (answer.ok ? answer.json() : undefined))
    .catch(() => undefined);
  element('demo').hidden = !demo;
  page.modelInBox = demo?.model ?? [];
  if (page.modelInBox.length) show('model', 'the model in the box, unless you drop another');
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
