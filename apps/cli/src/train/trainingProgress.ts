/** The progress of a run as a person follows it. */
import type { RunHooks } from '@organseg/train/run/startRun.ts';
import { prepareCases } from '../preprocess/prepareCases.ts';
import { say } from '../terminal/command.ts';
import { type Progress, progress } from '../terminal/progress.ts';

/** Notes on data, said once where several runs learn from them. */
const said = new Set<string>();

/** Hooks that show a run on stderr: its cases being prepared, its steps, its validations. */
export function trainingProgress(label: string): RunHooks & { finish(): void } {
  let shown: Progress | undefined;
  const finish = () => {
    shown?.finish();
    shown = undefined;
  };
  const begin = (what: string, cases: number) => {
    finish();
    shown = progress(what, cases, 'cases');
  };
  return {
    prepareCases,
    onNote: say,
    onDataNote: (text) => {
      if (!said.has(text)) say(text);
      said.add(text);
    },
    onPrepare: (done, total) => {
      shown ??= progress('preparing', total, 'cases');
      shown.update(done);
      if (done === total) finish();
    },
    onStep: ({ step, steps, epoch, loss, gpuBusy }) => {
      shown ??= progress(label, steps, 'steps', step - 1);
      const busy = `GPU ${Math.round(100 * gpuBusy)} % busy`;
      shown.update(step, `epoch ${epoch}, loss ${loss.toFixed(3)}, ${busy}`);
    },
    onValidating: (done, total) => {
      if (done === 0) begin('validating', total);
      shown?.update(done);
    },
    onLabelling: (done, total) => {
      if (done === 0) begin('labelling', total);
      shown?.update(done);
      if (done === total) finish();
    },
    onValidation: (epoch, meanDsc, best) => {
      finish();
      say(`epoch ${epoch}: validation DSC ${meanDsc.toFixed(4)}${best ? ', kept' : ''}`);
    },
    finish,
  };
}
