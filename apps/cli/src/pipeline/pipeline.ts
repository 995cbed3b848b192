/** The whole method on one data set: train, label, select, train the students, predict, score, report. */
import { join } from 'node:path';
import { InputError } from '@organseg/core/inputError.ts';
import { organsOf } from '@organseg/core/organs.ts';
import { openDataset } from '@organseg/files/dataset.ts';
import { writeWhole } from '@organseg/files/write.ts';
import { checkLeastProbability } from '@organseg/train/config/leastProbability.ts';
import { studentConfig } from '@organseg/train/config/resolve.ts';
import type { Config } from '@organseg/train/config/schema.ts';
import type { GpuOwner } from '@organseg/train/predict/loadedModel.ts';
import { NO_POSTPROCESSING } from '@organseg/train/predict/postprocessing.ts';
import type { PseudoLabelManifest } from '@organseg/train/pseudo/manifest.ts';
import { readRun } from '@organseg/train/run/runFolder.ts';
import type { TrainRequest } from '@organseg/train/run/startRun.ts';
import { readRecords } from '@organseg/train/run/trainingRecords.ts';
import { type Evaluation, evaluateCases } from '../evaluate/evaluateCases.ts';
import { averaged, type PlannedTeacher } from '../predict/segmenters.ts';
import { labelWithProgress, summary } from '../pseudoLabel/labelWithProgress.ts';
import { pseudoLabelTruth } from '../pseudoLabel/pseudoLabelTruth.ts';
import { reportHtml } from '../report/report.ts';
import { say } from '../terminal/command.ts';
import {
  FROM_ELSEWHERE,
  firstTeacher,
  labelledOnlyConfig,
  type Model,
  pseudoLabelsOf,
  studentsOf,
} from './models.ts';
import { type PipelineRequest, type PipelineState, saveState } from './state.ts';
import { evaluateOrRead, foldRuns, predictOrGoOn, testPairs, testReferences, trainOrGoOn } from './tasks.ts';

export interface PipelineResult {
  readonly report: string;
  /** Names of the data set's labels, background first. */
  readonly labelNames: readonly string[];
  /** What labelled in the first round: the model of the labelled cases alone, or one from elsewhere. */
  readonly teacher: string;
  /** The run of the last student. */
  readonly run: string;
  /** Scores of the first teacher and of each student, of no case where there are no test cases. */
  readonly labelledOnly: Evaluation;
  readonly students: readonly { readonly name: string; readonly evaluation: Evaluation }[];
  /** Pseudo-labels that the teacher of the last round in which it labels has made; null where none does. */
  readonly manifest: PseudoLabelManifest | null;
  /** Scores of the labelled cases, each by the fold that has not seen it; null without folds. */
  readonly outOfFold: Evaluation | null;
}

export async function pipeline(
  owner: GpuOwner,
  request: PipelineRequest,
  state: PipelineState,
  signal: AbortSignal,
): Promise<PipelineResult> {
  const { out } = request;
  const dataset = await openDataset(request.data);
  const { labelNames } = dataset;
  const organs = organsOf(labelNames);
  const references = testReferences(dataset, request.teacher === undefined);
  const tasks = new Tasks(out, state);

  const { data, config } = request;
  const { prepared = join(out, 'prepared') } = request;
  const students = studentsOf(config);
  for (const [i] of students.entries())
    checkLeastProbability(
      studentConfig(config, i).pseudoLeastProbability,
      labelNames.length,
      'pseudoLeastProbability',
      (fault) => {
        throw new InputError(`${data}: ${fault}, as many as it has labels`);
      },
    );
  const first = request.teacher ? FROM_ELSEWHERE : firstTeacher(config);
  const models = [first, ...students];
  const runsOf = ({ folder, runs = [folder] }: Model) => runs.map((name) => join(out, name));
  const run = (model: Model) => runsOf(model)[0]!;
  const mirrorOf = (model: Model) => (model === first ? config.teacherMirror : []);
  const segmenterOf = async (model: Model): Promise<PlannedTeacher> =>
    model === FROM_ELSEWHERE && request.teacher
      ? request.teacher
      : await averaged(runsOf(model), {}, { mirror: mirrorOf(model), confidence: true });
  for (const { name, fold } of first === FROM_ELSEWHERE ? [] : foldRuns(config, first.folder)) {
    const part = fold ? `, fold ${fold.fold}` : '';
    await tasks.run(`train on labelled cases${part}`, signal, () =>
      trainOrGoOn(
        owner,
        { data, config: labelledOnlyConfig(config), out: join(out, name), fold, prepared },
        signal,
      ),
    );
  }
  const outOfFold = config.folds === null || first === FROM_ELSEWHERE ? null : await outOfFoldScores();
  let teacher = first;
  let manifest: PseudoLabelManifest | null = null;
  const labelFolders: string[] = [];
  for (const [i, student] of students.entries()) {
    const round = students.length > 1 ? `, round ${i + 1}` : '';
    const own = studentConfig(config, i);
    const pseudo = join(out, pseudoLabelsOf(i));
    // Where nobody has labelled a case, pseudo-labels are all there is to learn from.
    const isLabelled = own.studentPseudoLabels || teacher === FROM_ELSEWHERE || !dataset.labelled.length;
    if (isLabelled) {
      manifest = await tasks.run(`pseudo-label${round}`, signal, async () => {
        const compared = [...labelFolders];
        if (runsOf(teacher).length > 1 && comparesModels(own))
          compared.push(...(await labelByEach(runsOf(teacher))));
        const made = await label(await segmenterOf(teacher), pseudo, compared, own);
        say(summary(made));
        return made;
      });
      labelFolders.push(pseudo);
    }
    await tasks.run(`train ${student.name}${round}`, signal, () =>
      trainOrGoOn(
        owner,
        {
          data,
          config: own,
          prepared,
          out: run(student),
          ...startOf(own, teacher),
          pseudo: isLabelled ? pseudo : undefined,
        },
        signal,
      ),
    );
    teacher = student;
  }
  const evaluations = new Map<Model, Evaluation>();
  for (const model of models) {
    if (!references.length) {
      evaluations.set(model, await evaluateCases([], organs, 'flare22'));
      continue;
    }
    const predictions = join(out, 'predictions', model.folder);
    const planned = await segmenterOf(model);
    const isNew = await tasks.run(`predict test cases (${model.name})`, signal, () =>
      predictOrGoOn(owner, planned, dataset.test, predictions, signal),
    );
    const pairs = testPairs(references, predictions);
    const scores = join(out, 'scores', `${model.folder}.json`);
    const evaluation = await tasks.run(`evaluate (${model.name})`, signal, () =>
      evaluateOrRead(pairs, organs, scores, isNew),
    );
    evaluations.set(model, evaluation);
  }

  const report = join(out, 'report.html');
  const reportRun = async (model: Model) => ({
    name: model.name,
    records: model === FROM_ELSEWHERE ? [] : await readRecords(run(model)),
    evaluation: evaluations.get(model)!,
    cases: references.map((reference) => ({
      ...reference,
      prediction: join(out, 'predictions', model.folder, `${reference.case}.nii.gz`),
    })),
  });
  const html = await reportHtml({
    folder: out,
    title: `organseg on ${request.data}`,
    preset: request.preset,
    config,
    adapter: owner.gpu.adapter.name,
    tasks: tasks.list,
    labelNames,
    runs: await Promise.all(models.map(reportRun)),
    manifest,
    outOfFold,
    truth: manifest
      ? await pseudoLabelTruth(
          request.data,
          labelFolders.at(-1)!,
          manifest,
          labelNames.length,
          dataset.ignoreLabel,
        )
      : new Map(),
  });
  await writeWhole(report, html);
  return {
    report,
    labelNames,
    teacher: first.name,
    run: run(students.at(-1)!),
    labelledOnly: evaluations.get(first)!,
    students: students.map((student) => ({ name: student.name, evaluation: evaluations.get(student)! })),
    manifest,
    outOfFold,
  };

  /** The run that a student goes on from, if any. */
  function startOf({ studentStart }: Config, teacher: Model): Pick<TrainRequest, 'init' | 'branches'> {
    if (studentStart === 'branch' && first !== FROM_ELSEWHERE) return { init: run(first), branches: true };
    return studentStart === 'teacher' && teacher !== FROM_ELSEWHERE ? { init: run(teacher) } : {};
  }

  async function label(
    teacher: PlannedTeacher,
    folder: string,
    compared: readonly string[],
    { selection, pseudoLeastProbability }: Config,
  ): Promise<PseudoLabelManifest> {
    const planned = teacher.ignoringBelow(pseudoLeastProbability);
    const origin = await planned.origin(NO_POSTPROCESSING);
    const segmenter = await planned.open(owner, signal);
    try {
      const options = { origin, out: folder, selection, compared, signal };
      return await labelWithProgress(segmenter, dataset.unlabelled, options);
    } finally {
      segmenter.close();
    }
  }

  /** Labels by each fold alone, to compare with those of all together. Returns their folders. */
  async function labelByEach(folds: readonly string[]): Promise<string[]> {
    const folders = folds.map((_, fold) => join(out, `pseudo-labels-fold-${fold}`));
    for (const [fold, folder] of folders.entries())
      await label(await averaged([folds[fold]!], {}, { mirror: [], confidence: true }), folder, [], {
        ...config,
        pseudoLeastProbability: 0,
      });
    return folders;
  }

  /** Predicts each labelled case by the fold that has not seen it, and scores it. */
  async function outOfFoldScores(): Promise<Evaluation> {
    const predictionOf = new Map<string, string>();
    const isNew = await tasks.run('predict labelled cases out of fold', signal, async () => {
      let some = false;
      for (const [fold, folder] of runsOf(first).entries()) {
        const { validationCases } = await readRun(folder);
        const cases = dataset.labelled.filter(({ name }) => validationCases.includes(name));
        const predictions = join(out, 'predictions', 'out-of-fold', `fold-${fold}`);
        some =
          (await predictOrGoOn(
            owner,
            await averaged([folder], {}, { mirror: [] }),
            cases,
            predictions,
            signal,
          )) || some;
        for (const { name } of cases) predictionOf.set(name, join(predictions, `${name}.nii.gz`));
      }
      return some;
    });
    const pairs = dataset.labelled
      .map(({ name, labels, ignoreLabel }) => {
        const prediction = predictionOf.get(name);
        return { case: name, reference: labels, prediction, ignoreLabel, regions: dataset.regions };
      })
      .filter(({ prediction }) => prediction !== undefined);
    return await tasks.run('evaluate out of fold', signal, () =>
      evaluateOrRead(pairs, organs, join(out, 'scores', 'out-of-fold.json'), isNew),
    );
  }
}

/** Whether the selection asks how alike models label. */
const comparesModels = ({ selection }: Config): boolean =>
  selection.some(
    (each) =>
      each.strategy === 'stability' || (each.strategy === 'top-fraction' && each.by === 'instability'),
  );

/** Tasks, and the seconds that they took over all the runs of the command. */
class Tasks {
  readonly #out: string;
  #state: PipelineState;

  constructor(out: string, state: PipelineState) {
    this.#out = out;
    this.#state = state;
  }

  get list(): { name: string; seconds: number }[] {
    return Object.entries(this.#state.stages).map(([name, seconds]) => ({ name, seconds }));
  }

  async run<T>(name: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    say(`— ${name}`);
    const started = performance.now();
    try {
      return await task();
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
