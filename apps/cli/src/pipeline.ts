/**
 * The whole method on one data set: train → pseudo-label → select → fine-tune → predict the test cases →
 * evaluate both models → report. Each stage is skipped when it is done and goes on when it is half done.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { type Config, configSchema } from '@organseg/train/config.ts';
import { openDataset } from '@organseg/train/dataset.ts';
import { readJsonFile, writeWhole } from '@organseg/train/files.ts';
import type { PseudoLabelManifest } from '@organseg/train/manifest.ts';
import { Predictor } from '@organseg/train/predictor.ts';
import { readRecords } from '@organseg/train/runLog.ts';
import { z } from 'zod';
import { say } from './command.ts';
import { labelWithProgress, summary } from './commands/pseudoLabel.ts';
import type { Evaluation } from './evaluateCases.ts';
import { pseudoLabelTruth } from './pseudoLabelTruth.ts';
import { reportHtml } from './report/report.ts';
import { evaluateOrRead, predictOrGoOn, testPairs, testReferences, trainOrGoOn } from './stages.ts';

export interface PipelineRequest {
  readonly data: string;
  readonly out: string;
  readonly preset: string;
  readonly config: Config;
}

export interface PipelineResult {
  readonly report: string;
  readonly labelledOnly: Evaluation;
  readonly withPseudoLabels: Evaluation;
  readonly manifest: PseudoLabelManifest;
}

/** The two models, by the names of their folders, and as the report calls them. */
const MODELS = { 'labelled-only': 'labelled only', 'with-pseudo-labels': 'with pseudo-labels' } as const;
type Model = keyof typeof MODELS;

/** `pipeline.json`: what the folder was made from, and the seconds that its stages took. */
const pipelineState = z.object({
  data: z.string(),
  preset: z.string(),
  config: configSchema,
  stages: z.record(z.string(), z.number()),
});
type PipelineState = z.infer<typeof pipelineState>;

export async function pipeline(
  gpu: Gpu,
  request: PipelineRequest,
  signal: AbortSignal,
): Promise<PipelineResult> {
  const { out } = request;
  const dataset = await openDataset(request.data);
  const references = testReferences(dataset);
  const stages = new Stages(out, await openState(request));

  const run = (model: Model) => join(out, model);
  const pseudo = join(out, 'pseudo-labels');
  const request0 = { data: request.data, config: request.config };
  await stages.run('train on labelled cases', signal, () =>
    trainOrGoOn(gpu, { ...request0, out: run('labelled-only') }, signal),
  );
  const manifest = await stages.run('pseudo-label', signal, async () => {
    const predictor = await Predictor.open(gpu, run('labelled-only'), { signal });
    const models = [run('labelled-only')];
    const options = { models, out: pseudo, selection: request.config.selection, signal };
    const made = await labelWithProgress(predictor, dataset.unlabelled, options);
    predictor.close();
    say(summary(made));
    return made;
  });
  await stages.run('fine-tune with pseudo-labels', signal, () =>
    trainOrGoOn(
      gpu,
      { ...request0, out: run('with-pseudo-labels'), init: run('labelled-only'), pseudo },
      signal,
    ),
  );
  const evaluations = new Map<Model, Evaluation>();
  for (const model of Object.keys(MODELS) as Model[]) {
    const predictions = join(out, 'predictions', model);
    const isNew = await stages.run(`predict test cases (${model})`, signal, () =>
      predictOrGoOn(gpu, run(model), dataset.test, predictions, signal),
    );
    const pairs = testPairs(references, predictions);
    const scores = join(out, 'scores', `${model}.json`);
    const evaluation = await stages.run(`evaluate (${model})`, signal, () =>
      evaluateOrRead(pairs, scores, isNew),
    );
    evaluations.set(model, evaluation);
  }

  const report = join(out, 'report.html');
  const labelledOnly = evaluations.get('labelled-only')!;
  const withPseudoLabels = evaluations.get('with-pseudo-labels')!;
  const reportRun = async (model: Model) => ({
    name: MODELS[model],
    records: await readRecords(run(model)),
    evaluation: evaluations.get(model)!,
    cases: references.map(({ case: name, image, reference }) => ({
      case: name,
      image,
      reference,
      prediction: join(out, 'predictions', model, `${name}.nii.gz`),
    })),
  });
  const html = await reportHtml({
    folder: out,
    title: `organseg on ${request.data}`,
    preset: request.preset,
    config: request.config,
    adapter: gpu.adapter.name,
    stages: stages.list,
    labelNames: dataset.labelNames,
    runs: [await reportRun('labelled-only'), await reportRun('with-pseudo-labels')],
    manifest,
    truth: await pseudoLabelTruth(request.data, pseudo, manifest, dataset.labelNames.length),
  });
  await writeWhole(report, html);
  return { report, labelledOnly, withPseudoLabels, manifest };
}

/** Runs stages and adds up the seconds they took, over all the runs of the command. */
class Stages {
  readonly #out: string;
  #state: PipelineState;

  constructor(out: string, state: PipelineState) {
    this.#out = out;
    this.#state = state;
  }

  get list(): { name: string; seconds: number }[] {
    return Object.entries(this.#state.stages).map(([name, seconds]) => ({ name, seconds }));
  }

  async run<T>(name: string, signal: AbortSignal, stage: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    say(`— ${name}`);
    const started = performance.now();
    try {
      return await stage();
    } finally {
      const seconds = (this.#state.stages[name] ?? 0) + (performance.now() - started) / 1000;
      this.#state = {
        ...this.#state,
        stages: { ...this.#state.stages, [name]: Math.round(seconds * 10) / 10 },
      };
      await saveState(this.#out, this.#state);
    }
  }
}

const saveState = (out: string, state: PipelineState) =>
  writeWhole(join(out, 'pipeline.json'), `${JSON.stringify(state, null, 2)}\n`);

/** What the folder holds already; throws where it was made from other data or settings. */
async function openState({ out, data, preset, config }: PipelineRequest): Promise<PipelineState> {
  const path = join(out, 'pipeline.json');
  const asked = { data: resolve(data), preset, config };
  if (!existsSync(path)) {
    await mkdir(out, { recursive: true });
    return { ...asked, stages: {} };
  }
  const { stages, ...found } = await readJsonFile(path, pipelineState);
  const key = (Object.keys(asked) as (keyof typeof asked)[]).find(
    (k) => JSON.stringify(asked[k]) !== JSON.stringify(found[k]),
  );
  if (key) throw new InputError(`${out}: was made with another ${key}; choose another folder for --out`);
  return { ...asked, stages };
}
