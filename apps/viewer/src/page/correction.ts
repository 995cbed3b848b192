/** The correction of labels by hand: a pen with an organ, an eraser, and what becomes of the labels. */
import { element, input, show } from './dom.ts';
import type { Pen } from './pen.ts';
import { prediction, second, showResult } from './segmentation.ts';
import { page } from './state.ts';
import { during, hold, isBusy, isWorking, worker } from './work.ts';

let pen: Pen | undefined;

/** Makes the labels that are shown ones that can be drawn on. */
function beginCorrection(): void {
  const { result, view } = page;
  if (!result || !view || isBusy()) return;
  second.hide();
  element<HTMLSelectElement>('pen-organ').replaceChildren(
    ...result.model.organs.map(({ name, label }) => new Option(name, `${label}`)),
    new Option('none: erase', '0'),
  );
  pen = view.openPen();
  choose();
  element('pen').hidden = false;
  hold(true);
  show('status', 'Correct the labels; the buttons above the slices end that.');
  element('slices').focus();
}

/** Puts the pen away; what was drawn is lost. */
function endCorrection(): void {
  pen?.close();
  pen = undefined;
  element('pen').hidden = true;
  show('status', '');
  hold(false);
}

/** Takes what was drawn for the scan's labels. */
async function use(): Promise<void> {
  const { scan, result } = page;
  if (!pen || !scan || !result || isWorking()) return;
  const drawn = pen.labels();
  const { model } = result;
  await during(async (onNews) => {
    const { pictures, ...labels } = await worker.ask('correct', [scan.files, drawn, model], onNews);
    endCorrection();
    await showResult({ labels, model, isCorrected: true, summary: 'corrected by hand' }, pictures);
    show('status', 'Corrected.');
  });
  if (!pen) await second.compare(prediction());
}

async function discard(): Promise<void> {
  endCorrection();
  await second.compare(prediction()); // as before
}

function choose(): void {
  const [organ, size] = ['pen-organ', 'pen-size'].map((id) => Number(element<HTMLSelectElement>(id).value));
  pen?.choose(organ!, size!);
}

/** Keys while the pen is out. */
export const PEN_KEYS: Readonly<Record<string, () => void>> = {
  p: () => pen?.paint(),
  u: () => pen?.undo(),
};

export function listenToPen(): void {
  for (const id of ['pen-organ', 'pen-size']) element(id).addEventListener('change', choose);
  element('correct').addEventListener('click', beginCorrection);
  element('pen-undo').addEventListener('click', () => pen?.undo());
  element('pen-use').addEventListener('click', use);
  element('pen-discard').addEventListener('click', discard);
  input('opacity').addEventListener('input', () => {
    if (pen) pen.opacity = Number(input('opacity').value);
  });
}
