/** A second prediction of the scan, beside the one that the page shows: where they differ, in pictures and figures. */
import type { Differences, News, Prediction } from '../protocol.ts';
import { cellOf, element, input, show, titleOf } from './dom.ts';
import { page } from './state.ts';
import { during, worker } from './work.ts';

const NONE = 'keep this one, then segment with another model; or choose, or drop here, one made elsewhere';

export class SecondPrediction {
  #second: Prediction | undefined;

  constructor() {
    input('differences').addEventListener('change', () => this.#mark());
    this.forget();
  }

  /** Keeps a prediction to compare the next one with. */
  keep(prediction: Prediction): void {
    this.forget();
    this.#second = prediction;
    show('second', `kept that of ${prediction.name}; now segment with another model`);
    element('forget-second').hidden = false;
  }

  /** Compares the prediction that is shown with one that was made elsewhere. */
  async open(first: Prediction, second: Prediction): Promise<void> {
    this.forget();
    const isDone = await during((onNews) => this.#compare(first, second, onNews));
    if (!isDone) return;
    this.#second = second;
    show('status', 'Compared.');
  }

  /** Compares the prediction that is shown with the one that was kept, where one was. Returns whether that was done. */
  async compare(first: Prediction): Promise<boolean> {
    return this.#second !== undefined && (await during((onNews) => this.again(first, onNews)));
  }

  /** The same, as a part of other work. */
  async again(first: Prediction, onNews: (news: News) => void): Promise<void> {
    if (this.#second) await this.#compare(first, this.#second, onNews);
  }

  /** Shows one prediction again, and keeps none. */
  forget(): void {
    this.#second = undefined;
    this.hide();
    show('second', NONE);
    element('forget-second').hidden = true;
  }

  /** Takes the comparison away, until there is another prediction to compare with. */
  hide(): void {
    element('second-figures').hidden = true;
    for (const id of ['first-name', 'second-name', 'second-slices']) element(id).hidden = true;
    element('canvases').classList.remove('two');
    page.view?.hideSecond();
  }

  async #compare(first: Prediction, second: Prediction, onNews: (news: News) => void): Promise<void> {
    const differences = await worker.ask('comparePredictions', [first, second], onNews);
    fill(differences);
    const ml = differences.volumeMl.toFixed(1);
    const text = `they differ in ${differences.voxels.toLocaleString('en')} voxels, ${ml} ml`;
    show('second', [text, differences.note].filter(Boolean).join('; '));
    show('first-name', `first: ${first.name}`);
    show('second-name', `second: ${second.name}`);
    for (const id of ['second-figures', 'forget-second', 'first-name', 'second-name', 'second-slices'])
      element(id).hidden = false;
    element('canvases').classList.add('two');
    const canvas = element<HTMLCanvasElement>('second-slices');
    await page.view?.showSecond(canvas, differences.nifti, differences.differences);
    this.#mark();
  }

  #mark(): void {
    page.view?.markDifferences(input('differences').checked);
  }
}

function fill({ organs }: Differences): void {
  element('second-organs').replaceChildren(
    ...organs.map(({ name, volumesMl, dsc }) => {
      const row = document.createElement('tr');
      const texts = [...volumesMl.map((ml) => (ml ? ml.toFixed(1) : '–')), dsc?.toFixed(3) ?? '–'];
      row.append(titleOf(name), ...texts.map(cellOf));
      return row;
    }),
  );
}
