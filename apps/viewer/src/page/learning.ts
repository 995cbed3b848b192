/** Learning from labels that were corrected or made elsewhere: the open model is trained on the scan, and can be taken back. */

import type { NamedFile } from '../protocol.ts';
import { element, input, save, show } from './dom.ts';
import { LossCurve } from './lossCurve.ts';
import {
  capBytes,
  hasSameOrgans,
  opened,
  prediction,
  second,
  segment,
  showResult,
  takeLabels,
  updatePlan,
} from './segmentation.ts';
import { type OpenModel, page, type Result } from './state.ts';
import { during, isBusy, isRefused, throwIfCancelled, worker } from './work.ts';

/** What was open before the last learning, and the model that came of it. */
let last: { readonly model: OpenModel; readonly result: Result; readonly learnt: OpenModel } | undefined;

/** Whether the labels that are shown can be learnt from, by the model that is open. */
const canLearn = (): boolean => {
  const { model, result } = page;
  return (
    !!model && !model.facts.cannotLearn && !!result?.isCorrected && hasSameOrgans(model.facts, result.model)
  );
};

/** Shows what can be done now. */
export function updateLearning(): void {
  input('learn').disabled = isBusy() || !canLearn();
  const can = 'The model can learn from them: it is trained on this scan, here';
  const why = page.model?.facts.cannotLearn ?? can;
  show('learning', `Correct these labels with a pen, or drop a label map made elsewhere here. ${why}.`);
  input('labels-input').disabled = isBusy() || !page.model;
  const isLearnt = last !== undefined && page.model === last.learnt;
  element('unlearn').hidden = !isLearnt;
  element('save-model').hidden = !isLearnt;
}

async function learn(): Promise<void> {
  const { scan, model, result } = page;
  if (!scan || !model || !result || isBusy() || !canLearn()) return;
  const curve = new LossCurve(document.querySelector<SVGSVGElement>('#loss')!);
  const steps = Math.max(1, Number(input('steps').value));
  const before = model.facts.name.replace(/\.json$/i, '');
  const name = before.endsWith(LEARNT) ? before : before + LEARNT;
  const { file: labels } = result.labels;
  const request = { scan: scan.files, labels, steps, capBytes: capBytes(), name };
  const isDone = await during(async (onNews) => {
    element('loss').toggleAttribute('hidden', false);
    const { files, notes } = await worker.ask('learn', [request], (news) => {
      if (news.loss !== undefined) curve.add(news.loss, news.whole!.amount);
      onNews(news);
    });
    throwIfCancelled();
    const learnt = { facts: await worker.ask('openModel', [files]), files, isKept: false };
    opened(learnt);
    last = { model, result, learnt };
    show('learnt', [`${learnt.facts.name}: ${curve.words}`, ...notes].join('; '));
    await updatePlan();
  });
  if (isDone) await segment();
}

const LEARNT = ' (learnt)';

/** Takes a label map that was made elsewhere for the labels of the scan. */
export async function learnFrom(files: readonly NamedFile[]): Promise<void> {
  if (!files.length || !page.scan || !page.model || isRefused()) return;
  if (await during((onNews) => takeLabels(files, onNews))) await second.compare(prediction());
}

/** Opens the model before, and shows the labels that were learnt from. */
async function unlearn(): Promise<void> {
  if (!last || isBusy()) return;
  const { model, result } = last;
  await during(async () => {
    opened({ ...model, facts: await worker.ask('openModel', [model.files, model.facts.name]) });
    last = undefined;
    await showResult(result, await worker.ask('showLabels', [result.labels.file]));
    await updatePlan();
    show('learnt', `back to ${model.facts.name}`);
  });
  await second.compare(prediction());
}

export function listenToLearning(): void {
  element('learn').addEventListener('click', learn);
  element('unlearn').addEventListener('click', unlearn);
  element('save-model').addEventListener('click', () =>
    during(async () => {
      const { files, facts } = page.model!;
      save(await worker.ask('zip', [files]), `${facts.name}.zip`);
    }),
  );
}
