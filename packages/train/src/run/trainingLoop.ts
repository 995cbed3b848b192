/**
 * The loop of training: Gao 2022's initial training, or from an earlier run and with pseudo-labels its fine-tuning. The
 * next batch is cut and uploaded while the GPU works.
 */
import { join } from 'node:path';
import { Random } from '@organseg/core/random.ts';
import { labelsPatches } from '../config/copyPaste.ts';
import { Batches } from '../data/batches.ts';
import type { PreparedPaths } from '../data/openPreparedCase.ts';
import { PatchPool } from '../data/patchPool.ts';
import { uploadBatch } from '../data/uploadBatch.ts';
import {
  branchEpoch,
  consistencyWeight,
  firstMixedEpoch,
  isReached,
  learningRate,
} from '../step/schedule.ts';
import { type StepResult, TrainingStep } from '../step/trainingStep.ts';
import { BRANCH, LATEST, type RunState, saveBest, saveCheckpoint } from './checkpoint.ts';
import { assertLabels, forgetOtherLabels, labelScans, pseudoLabelled, trueDsc } from './labelling.ts';
import { startingPoint } from './startingPoint.ts';
import { StepClock } from './stepClock.ts';
import type { Training, TrainingResult } from './trainingJob.ts';
import { copyLog, TrainingLog } from './trainingLog.ts';
import { type ValidationScore, validate } from './validate.ts';

/**
 * Trains until the last epoch or the signal, and saves a checkpoint at the end. A resumed run goes on from its latest
 * checkpoint. Throws where the loss is not finite.
 */
export async function train(training: Training, resume: boolean): Promise<TrainingResult> {
  const loop = await TrainingLoop.open(training, resume);
  try {
    return await loop.run();
  } finally {
    await loop.close();
  }
}

class TrainingLoop {
  readonly #training: Training;
  readonly #step: TrainingStep;
  readonly #batches: Batches;
  readonly #log: TrainingLog;
  #state: RunState;
  /** Whether the patches of the next step are uploaded. */
  #isFed = false;

  static async open(training: Training, resume: boolean): Promise<TrainingLoop> {
    const { gpu, folder, run } = training;
    const { parameters, moments, state } = await startingPoint(folder, run, resume);
    if (run.init && run.branches && !resume) await copyLog(run.init, folder);
    const log = await TrainingLog.open(folder, run.labelNames, state);
    const loop = new TrainingLoop(training, log, state);
    if (moments) loop.#step.restore(state.step, parameters, moments, state.lossScale);
    else loop.#step.start(parameters);
    await gpu.pipelines.ready();
    return loop;
  }

  private constructor(training: Training, log: TrainingLog, state: RunState) {
    const { gpu, run, cases } = training;
    const { labelled, pseudo, unlabelled } = cases;
    const counts = { labelled: labelled.length, pseudo: pseudo.length, unlabelled: unlabelled.length };
    this.#training = training;
    this.#log = log;
    this.#state = state;
    this.#step = new TrainingStep(gpu, run.config);
    const random = Random.from(state.random);
    this.#batches = new Batches(run.config, run.phase, this.#prepared(), counts, random, new PatchPool());
  }

  /** The training cases, unlabelled ones with the labels that the run has for them. */
  #prepared(): PreparedPaths[] {
    const { folder, run, cases, store } = this.#training;
    const { labelled: epoch } = this.#state;
    const { labelled, pseudo, unlabelled } = cases;
    if (epoch !== null) assertLabels(folder, epoch, unlabelled);
    return [
      ...[...labelled, ...pseudo].map((source) => store.paths(source)),
      ...unlabelled.map((source) => {
        const paths = store.paths(source);
        if (epoch !== null) return pseudoLabelled(folder, epoch, source, paths);
        return run.config.copyPaste ? { ...paths, isPseudo: true } : paths;
      }),
    ];
  }

  async run(): Promise<TrainingResult> {
    const { gpu, run, hooks } = this.#training;
    const { config, phase } = run;
    const { epochs } = config[phase];
    const { signal } = hooks;
    const { perEpoch } = this.#batches;
    const firstEpoch = this.#state.epoch;
    for (;;) {
      const { epoch, validated } = this.#state;
      const isLast = epoch === epochs;
      const isDue = validated < epoch && this.#isValidated(epoch);
      if (isDue && !signal?.aborted) await this.#validate();
      // Before scans are labelled: the labels are not another run's.
      if (phase === 'initial' && epoch === branchEpoch(config) && epoch > firstEpoch)
        await this.#save(BRANCH);
      if (this.#isLabelled(epoch) && this.#state.labelled !== epoch && !signal?.aborted) await this.#label();
      const isSaved = epoch > firstEpoch && isReached(config.saveEverySteps, perEpoch, epoch);
      if (isLast || signal?.aborted || isSaved) await this.#save(LATEST);
      if (isLast || signal?.aborted) break;
      await this.#epoch();
    }
    const { epoch, step, best } = this.#state;
    const finished = epoch === epochs && !signal?.aborted;
    return { finished, epoch, step, best, peakGpuBytes: gpu.arena.account.peakHeldBytes };
  }

  /** Whether the network is validated behind so many epochs. */
  #isValidated(epoch: number): boolean {
    const { config, phase } = this.#training.run;
    const isDue = isReached(config.validateEverySteps, this.#batches.perEpoch, epoch);
    return epoch > 0 && (epoch === config[phase].epochs || isDue);
  }

  /** Whether unlabelled scans are labelled behind so many epochs. */
  #isLabelled(epoch: number): boolean {
    const { run, cases } = this.#training;
    const { copyPaste } = run.config;
    if (!cases.unlabelled.length || !copyPaste || labelsPatches(run.config)) return false;
    const since = epoch - firstMixedEpoch(run.config, run.phase);
    if (since < 0 || epoch === run.config[run.phase].epochs) return false;
    if (since === 0) return cases.unlabelled.some(({ labels }) => labels === undefined);
    const { refresh } = copyPaste.pseudoLabels;
    return typeof refresh === 'number' && isReached(refresh, this.#batches.perEpoch, since);
  }

  /** Goes from the step where the run stands to the epoch's end, or to the signal. */
  async #epoch(): Promise<void> {
    const { run, hooks } = this.#training;
    const { config, phase } = run;
    const { epoch } = this.#state;
    const started = performance.now();
    const clock = new StepClock();
    const { perEpoch } = this.#batches;
    while (this.#state.stepInEpoch < perEpoch) {
      const { losses } = await this.#runStep(clock);
      const { stepInEpoch, step, lossSums } = this.#state;
      this.#state = {
        ...this.#state,
        stepInEpoch: stepInEpoch + 1,
        step: step + 1,
        lossScale: this.#step.lossScale,
        lossSums: losses.map((value, i) => value + (lossSums[i] ?? 0)),
      };
      hooks.onStep?.({
        step: step + 1,
        steps: perEpoch * config[phase].epochs,
        epoch: epoch + 1,
        loss: losses[0],
        gpuBusy: clock.shares.gpuBusy,
      });
      if (hooks.signal?.aborted && stepInEpoch + 1 < perEpoch) return;
    }
    const [loss, dice, crossEntropy, consistency] = this.#state.lossSums.map((sum) => sum / perEpoch);
    const { lossScale } = this.#state;
    this.#state = { ...this.#state, epoch: epoch + 1, stepInEpoch: 0, lossSums: [] };
    await this.#log.add({
      event: 'epoch',
      epoch: epoch + 1,
      step: this.#state.step,
      loss,
      dice,
      crossEntropy,
      ...(consistency !== undefined && {
        consistency,
        consistencyWeight: consistencyWeight(config, epoch),
      }),
      learningRate: learningRate(config, phase, epoch),
      ...(lossScale && { lossScale: lossScale.scale, skippedSteps: lossScale.skippedSteps }),
      seconds: seconds(started),
      time: clock.shares,
    });
  }

  /** Does one step while the patches of the next one are uploaded. Throws where the loss is not finite. */
  async #runStep(clock: StepClock): Promise<StepResult> {
    const { config, phase } = this.#training.run;
    const { epoch, stepInEpoch } = this.#state;
    // The first step waits for its patches here; the others had them uploaded behind the step before.
    if (!this.#isFed) {
      const fed = await this.#feed(epoch, stepInEpoch);
      clock.waited(fed.arrived - clock.stepBegan);
      clock.encoded(fed.encodeMs);
    }
    this.#isFed = false;
    const result = this.#step.run(learningRate(config, phase, epoch), consistencyWeight(config, epoch));
    const done = result.then(now, now);
    const isLast = stepInEpoch + 1 === this.#batches.perEpoch;
    // Validation frees the tensors that the next step would be fed into, and new labels make for other patches.
    if (!isLast || !(this.#isValidated(epoch + 1) || this.#isLabelled(epoch + 1))) {
      const fed = await this.#feed(isLast ? epoch + 1 : epoch, isLast ? 0 : stepInEpoch + 1);
      clock.encoded(fed.encodeMs);
      clock.waited(fed.arrived - (await done));
    }
    const { losses, gpuMs, hostMs } = await result;
    clock.encoded(hostMs);
    clock.stepDone(gpuMs);
    if (!losses.every(Number.isFinite)) {
      // No loss scale makes the loss itself overflow.
      const wayOut = `a lower learning rate${config.precision === 'f16' ? ' or precision=f32' : ''}`;
      throw new Error(`training: the loss is ${losses[0]} in epoch ${epoch + 1}; try ${wayOut}`);
    }
    return result;
  }

  /** Waits for the patches of a step and uploads them; the GPU may be at the step before. */
  async #feed(epoch: number, step: number): Promise<{ arrived: number; encodeMs: number }> {
    const { gpu, run } = this.#training;
    const { config, phase } = run;
    const items = await this.#batches.take(epoch, step);
    const arrived = now();
    uploadBatch(gpu, config, items, this.#step, config[phase].augment);
    this.#isFed = true;
    return { arrived, encodeMs: now() - arrived };
  }

  /** Validates, and keeps the network where it is the best so far. */
  async #validate(): Promise<void> {
    const { gpu, folder, run, cases, store, hooks } = this.#training;
    const { validation } = cases;
    const { signal } = hooks;
    const started = performance.now();
    const onCases = (done: number) => hooks.onValidating?.(done, validation.length);
    onCases(0);
    let score: ValidationScore;
    try {
      score = await this.#step.makeRoom(() =>
        validate(gpu, run.config, this.#step.memory, validation, store, { signal, onCases }),
      );
    } catch (error) {
      if (signal?.aborted) return; // it is due again when the run goes on
      throw error;
    }
    const { epoch, step, best } = this.#state;
    const isBest = run.config.checkpoint === 'final' || !best || score.meanDsc > best.meanDsc;
    this.#state = { ...this.#state, validated: epoch };
    if (isBest) {
      this.#state = { ...this.#state, best: { epoch, meanDsc: score.meanDsc } };
      await saveBest(folder, this.#step.layout.specs, await this.#step.validatedValues());
    }
    await this.#log.add({
      event: 'validation',
      epoch,
      step,
      meanDsc: score.meanDsc,
      dsc: Object.fromEntries(score.dsc.map((dsc, i) => [run.labelNames[i + 1], dsc])),
      best: isBest,
      seconds: seconds(started),
    });
    await this.#log.draw();
    hooks.onValidation?.(epoch, score.meanDsc, isBest);
  }

  /** Labels the unlabelled scans anew and learns from these labels from here on. */
  async #label(): Promise<void> {
    const { gpu, folder, run, cases, store, hooks } = this.#training;
    const { unlabelled, truth } = cases;
    const { signal } = hooks;
    const { epoch, step } = this.#state;
    const started = performance.now();
    const onCases = (done: number) => hooks.onLabelling?.(done, unlabelled.length);
    await this.#save(LATEST); // labelling takes long, and goes on from here where it stops
    onCases(0);
    try {
      await this.#step.makeRoom(() =>
        labelScans(
          gpu,
          run.config,
          this.#step.memory,
          { cases: unlabelled, store, run: folder, epoch },
          { signal, onCases },
        ),
      );
    } catch (error) {
      if (signal?.aborted) return; // it is due again when the run goes on
      throw error;
    }
    this.#state = { ...this.#state, labelled: epoch };
    this.#batches.setCases(this.#prepared());
    const known = truth.map((source) => store.paths(source));
    const judged = truth.map((source, i) => pseudoLabelled(folder, epoch, source, known[i]!));
    await this.#log.add({
      event: 'labelling',
      epoch,
      step,
      cases: unlabelled.length,
      ...(known.length && { trueDsc: trueDsc(judged, known, run.config.classes) }),
      seconds: seconds(started),
    });
    await this.#save(LATEST);
    await forgetOtherLabels(folder, epoch);
  }

  async #save(name: string): Promise<void> {
    const values = await this.#step.values();
    const moments = await this.#step.moments();
    const { folder, run } = this.#training;
    await saveCheckpoint(join(folder, name), this.#step.layout.specs, values, moments, this.#state, run);
  }

  async close(): Promise<void> {
    await this.#batches.close();
    this.#step.close();
  }
}

const now = () => performance.now();
const seconds = (since: number) => Math.round(performance.now() - since) / 1000;
