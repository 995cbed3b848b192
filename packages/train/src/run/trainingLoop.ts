/**
 * Training: Gao 2022's initial stage, or from an earlier run and with pseudo-labels its fine-tuning.
 *
 * The next batch is cut and uploaded while the GPU works.
 */
import { initialise } from '@organseg/core/network/parameters.ts';
import { Random } from '@organseg/core/random.ts';
import type { DatasetCase, UnlabelledCase } from '@organseg/files/dataset.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { parameterLayout } from '../config/network.ts';
import { Batches, uploadBatch } from '../data/batches.ts';
import type { CaseStore } from '../data/caseStore.ts';
import { consistencyWeight, learningRate } from '../step/schedule.ts';
import { TrainingStep } from '../step/trainingStep.ts';
import { loadLatest, loadParameters, type RunState, saveBest, saveLatest } from './checkpoint.ts';
import { bestCheckpoint, type RunDescription } from './runFolder.ts';
import { StepClock } from './stepClock.ts';
import { RunLog } from './trainingLog.ts';
import { type ValidationScore, validate } from './validate.ts';

export interface TrainingCases {
  readonly labelled: readonly DatasetCase[];
  readonly pseudo: readonly DatasetCase[];
  /** Images alone, for a mean teacher. */
  readonly unlabelled: readonly UnlabelledCase[];
  readonly validation: readonly DatasetCase[];
}

export interface TrainingHooks {
  /** After each step. */
  readonly onStep?: (progress: TrainingProgress) => void;
  /** While it validates: how many cases are done, a part of one too; 0 as it begins. */
  readonly onValidating?: (done: number, cases: number) => void;
  readonly onValidation?: (epoch: number, meanDsc: number, best: boolean) => void;
  /** Stops after the step at work, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
  /** Share of this epoch's time that the GPU was at its steps. */
  readonly gpuBusy: number;
}

export interface TrainingResult {
  readonly finished: boolean;
  readonly epoch: number;
  readonly step: number;
  readonly best: RunState['best'];
  /** Held at most while training and validating. */
  readonly peakGpuBytes: number;
}

/** Trains in the run's folder until its last epoch or the signal, from its latest checkpoint if it has one. */
export async function train(
  gpu: Gpu,
  folder: string,
  run: RunDescription,
  cases: TrainingCases,
  store: CaseStore,
  options: TrainingHooks & { readonly resume: boolean },
): Promise<TrainingResult> {
  const trainer = await Trainer.open(gpu, folder, run, cases, store, options);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}

class Trainer {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #description: RunDescription;
  readonly #cases: TrainingCases;
  readonly #store: CaseStore;
  readonly #hooks: TrainingHooks;
  readonly #step: TrainingStep;
  readonly #batches: Batches;
  readonly #log: RunLog;
  #state: RunState;
  /** The patches of the next step are uploaded. */
  #isFed = false;

  static async open(
    gpu: Gpu,
    folder: string,
    run: RunDescription,
    cases: TrainingCases,
    store: CaseStore,
    options: TrainingHooks & { readonly resume: boolean },
  ): Promise<Trainer> {
    const random = new Random(run.config.seed);
    const layout = parameterLayout(run.config);
    const latest = options.resume ? await loadLatest(folder, layout.specs, run.config) : undefined;
    const parameters =
      latest?.parameters ??
      (run.init
        ? loadParameters(bestCheckpoint(run.init), layout.specs)
        : initialise(layout, random.fork('initialise')));
    const state = latest?.state ?? {
      epoch: 0,
      stepInEpoch: 0,
      step: 0,
      lossScale: null,
      lossSums: [],
      validated: 0,
      best: null,
      random: random.state,
    };
    const log = await RunLog.open(folder, run.labelNames, state);
    const trainer = new Trainer(gpu, folder, run, cases, store, options, log, state);
    if (latest) trainer.#step.restore(state.step, parameters, latest.moments, state.lossScale);
    else trainer.#step.start(parameters);
    await gpu.pipelines.ready();
    return trainer;
  }

  private constructor(
    gpu: Gpu,
    folder: string,
    description: RunDescription,
    cases: TrainingCases,
    store: CaseStore,
    hooks: TrainingHooks,
    log: RunLog,
    state: RunState,
  ) {
    const { config } = description;
    this.#gpu = gpu;
    this.#folder = folder;
    this.#description = description;
    this.#cases = cases;
    this.#store = store;
    this.#hooks = hooks;
    this.#log = log;
    this.#state = state;
    this.#step = new TrainingStep(gpu, config);
    const { labelled, pseudo, unlabelled } = cases;
    const prepared = [...labelled, ...pseudo, ...unlabelled].map((source) => store.paths(source));
    const counts = { labelled: labelled.length, pseudo: pseudo.length, unlabelled: unlabelled.length };
    this.#batches = new Batches(config, description.stage, prepared, counts, Random.from(state.random));
  }

  async run(): Promise<TrainingResult> {
    const { config, stage } = this.#description;
    const { epochs } = config[stage];
    const { signal } = this.#hooks;
    const firstEpoch = this.#state.epoch;
    for (;;) {
      const { epoch, validated } = this.#state;
      const isLast = epoch === epochs;
      const isDue = validated < epoch && this.#isValidated(epoch);
      if (isDue && !signal?.aborted) await this.#validate();
      const isSaved = epoch > firstEpoch && this.#isFull(config.saveEverySteps, epoch);
      if (isLast || signal?.aborted || isSaved) await this.#save();
      if (isLast || signal?.aborted) break;
      await this.#epoch();
    }
    const { epoch, step, best } = this.#state;
    const finished = epoch === epochs && !signal?.aborted;
    return { finished, epoch, step, best, peakGpuBytes: this.#gpu.arena.account.peakHeldBytes };
  }

  /** Whether the network is validated behind so many epochs. */
  #isValidated(epoch: number): boolean {
    const { config, stage } = this.#description;
    return epoch > 0 && (epoch === config[stage].epochs || this.#isFull(config.validateEverySteps, epoch));
  }

  /** Whether a multiple of so many steps is reached in the last of so many epochs. */
  #isFull(steps: number, epoch: number): boolean {
    const { perEpoch } = this.#batches;
    return Math.floor((epoch * perEpoch) / steps) > Math.floor(((epoch - 1) * perEpoch) / steps);
  }

  /** From the step where the run stands to the epoch's end, or to the signal. */
  async #epoch(): Promise<void> {
    const { config, stage } = this.#description;
    const { epoch } = this.#state;
    const { epochs } = config[stage];
    const rate = learningRate(config, stage, epoch);
    const started = performance.now();
    const clock = new StepClock();
    const { perEpoch } = this.#batches;
    while (this.#state.stepInEpoch < perEpoch) {
      const { stepInEpoch, step, lossSums } = this.#state;
      // The first step waits for its patches here, the others did behind the one before.
      if (!this.#isFed) {
        const fed = await this.#feed(epoch, stepInEpoch);
        clock.waited(fed.arrived - clock.stepBegan);
        clock.encoded(fed.encodeMs);
      }
      this.#isFed = false;
      const result = this.#step.run(rate, consistencyWeight(config, epoch));
      const done = result.then(now, now);
      const isLast = stepInEpoch + 1 === perEpoch;
      // Validation frees what the next step would be fed into.
      if (!isLast || !this.#isValidated(epoch + 1)) {
        const fed = await this.#feed(isLast ? epoch + 1 : epoch, isLast ? 0 : stepInEpoch + 1);
        clock.encoded(fed.encodeMs);
        clock.waited(fed.arrived - (await done));
      }
      const { losses, gpuMs, hostMs } = await result;
      clock.encoded(hostMs);
      clock.stepDone(gpuMs);
      if (!losses.every(Number.isFinite)) {
        // Of the loss itself no loss scale is the cause.
        const wayOut = `a lower learning rate${config.precision === 'f16' ? ' or precision=f32' : ''}`;
        throw new Error(`training: the loss is ${losses[0]} in epoch ${epoch + 1}; try ${wayOut}`);
      }
      this.#state = {
        ...this.#state,
        stepInEpoch: stepInEpoch + 1,
        step: step + 1,
        lossScale: this.#step.lossScale,
        lossSums: losses.map((value, i) => value + (lossSums[i] ?? 0)),
      };
      const { gpuBusy } = clock.shares;
      this.#hooks.onStep?.({
        step: step + 1,
        steps: perEpoch * epochs,
        epoch: epoch + 1,
        loss: losses[0],
        gpuBusy,
      });
      if (this.#hooks.signal?.aborted && !isLast) return;
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
      learningRate: rate,
      ...(lossScale && { lossScale: lossScale.scale, skippedSteps: lossScale.skippedSteps }),
      seconds: seconds(started),
      time: clock.shares,
    });
  }

  /** Has a step's patches come and uploads them; the GPU may be at the step before. */
  async #feed(epoch: number, step: number): Promise<{ arrived: number; encodeMs: number }> {
    const { config, stage } = this.#description;
    const items = await this.#batches.take(epoch, step);
    const arrived = now();
    uploadBatch(this.#gpu, config, items, this.#step, config[stage].augment);
    this.#isFed = true;
    return { arrived, encodeMs: now() - arrived };
  }

  async #validate(): Promise<void> {
    const { config, labelNames } = this.#description;
    const started = performance.now();
    const { validation } = this.#cases;
    const { signal, onValidating } = this.#hooks;
    const onCases = (done: number) => onValidating?.(done, validation.length);
    onCases(0);
    let score: ValidationScore;
    try {
      score = await this.#step.makeRoom(() =>
        validate(this.#gpu, config, this.#step.memory, validation, this.#store, { signal, onCases }),
      );
    } catch (error) {
      if (signal?.aborted) return; // it is due again when the run goes on
      throw error;
    }
    const { epoch, step, best } = this.#state;
    const isBest = !best || score.meanDsc > best.meanDsc;
    this.#state = { ...this.#state, validated: epoch };
    if (isBest) {
      this.#state = { ...this.#state, best: { epoch, meanDsc: score.meanDsc } };
      await saveBest(this.#folder, this.#step.layout.specs, await this.#step.validatedValues());
    }
    await this.#log.add({
      event: 'validation',
      epoch,
      step,
      meanDsc: score.meanDsc,
      dsc: Object.fromEntries(score.dsc.map((dsc, i) => [labelNames[i + 1], dsc])),
      best: isBest,
      seconds: seconds(started),
    });
    await this.#log.draw();
    this.#hooks.onValidation?.(epoch, score.meanDsc, isBest);
  }

  async #save(): Promise<void> {
    const values = await this.#step.values();
    const moments = await this.#step.moments();
    await saveLatest(this.#folder, this.#step.layout.specs, values, moments, this.#state);
  }

  async close(): Promise<void> {
    await this.#batches.close();
    this.#step.close();
  }
}

const now = () => performance.now();
const seconds = (since: number) => Math.round(performance.now() - since) / 1000;
