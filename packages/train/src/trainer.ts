/**
 * Training: Gao 2022's initial stage, or from an earlier run and with pseudo-labels its fine-tuning.
 *
 * A step is one submission: forward, loss, backward, optimiser. The next batch is cut while the GPU works.
 */
import { initialise, type ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type TrainingProgram, trainingProgram } from '@organseg/core/network/program.ts';
import { Tape } from '@organseg/core/network/tape.ts';
import { unet } from '@organseg/core/network/unet.ts';
import { Random } from '@organseg/core/random.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { downloadF32, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { Batches } from './batches.ts';
import type { CaseStore } from './caseStore.ts';
import { loadLatest, loadParameters, type RunState, saveBest, saveLatest } from './checkpoint.ts';
import { unetConfig } from './config.ts';
import type { DatasetCase } from './dataset.ts';
import { Optimizer } from './optimizer.ts';
import { bestCheckpoint, parameterLayout, type RunDescription } from './run.ts';
import { RunLog } from './runLog.ts';
import { learningRate } from './schedule.ts';
import { type ValidationScore, validate } from './validate.ts';

export interface TrainingCases {
  readonly training: readonly DatasetCase[];
  readonly validation: readonly DatasetCase[];
}

export interface TrainingHooks {
  /** After each step. */
  readonly onStep?: (progress: TrainingProgress) => void;
  readonly onValidation?: (epoch: number, meanDsc: number, best: boolean) => void;
  /** Stops after the step at work, with a checkpoint. */
  readonly signal?: AbortSignal;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
}

export interface TrainingResult {
  readonly finished: boolean;
  readonly epoch: number;
  readonly step: number;
  readonly best: RunState['best'];
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
    trainer.close();
  }
}

class Trainer {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #description: RunDescription;
  readonly #cases: TrainingCases;
  readonly #store: CaseStore;
  readonly #hooks: TrainingHooks;
  readonly #layout: ParameterLayout;
  readonly #parameters: Tensor;
  readonly #gradients: Tensor;
  readonly #program: TrainingProgram;
  readonly #optimizer: Optimizer;
  readonly #batches: Batches;
  readonly #log: RunLog;
  #state: RunState;

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
    const latest = options.resume ? await loadLatest(folder, layout.specs, run.config.optimizer) : undefined;
    const parameters =
      latest?.parameters ??
      (run.init
        ? await loadParameters(bestCheckpoint(run.init), layout.specs)
        : initialise(layout, random.fork('initialise')));
    const state = latest?.state ?? {
      epoch: 0,
      stepInEpoch: 0,
      step: 0,
      lossSums: [0, 0, 0],
      validated: 0,
      best: null,
      random: random.state,
    };
    const log = await RunLog.open(folder, run.labelNames, state);
    const trainer = new Trainer(gpu, folder, run, cases, store, options, log, state);
    trainer.#layout.upload(gpu, trainer.#parameters, parameters);
    if (latest) trainer.#optimizer.restore(state.step, latest.moments);
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
    const tape = new Tape();
    const image = tape.input([config.batch, ...config.patch, 1]);
    const logits = unet(tape, image, unetConfig(config));
    this.#gpu = gpu;
    this.#folder = folder;
    this.#description = description;
    this.#cases = cases;
    this.#store = store;
    this.#hooks = hooks;
    this.#log = log;
    this.#state = state;
    this.#layout = parameterLayout(config);
    this.#parameters = this.#layout.allocate(gpu);
    this.#gradients = this.#layout.allocate(gpu);
    const memory = { ...this.#memory(), gradients: this.#gradients, lossScale: 1 };
    this.#program = trainingProgram(gpu, { tape, image, logits }, memory);
    this.#optimizer = new Optimizer(gpu, config, this.#layout, this.#parameters, this.#gradients);
    this.#batches = new Batches(config, cases.training, store, Random.from(state.random));
  }

  #memory() {
    return { layout: this.#layout, parameters: this.#parameters, activation: 'f32' as const };
  }

  async run(): Promise<TrainingResult> {
    const { config, stage } = this.#description;
    const { epochs } = config[stage];
    const { signal } = this.#hooks;
    const firstEpoch = this.#state.epoch;
    for (;;) {
      const { epoch, validated } = this.#state;
      const isLast = epoch === epochs;
      const isDue = epoch > 0 && (isLast || epoch % config.validateEveryEpochs === 0) && validated < epoch;
      if (isDue && !signal?.aborted) await this.#validate();
      if (isLast || signal?.aborted || (epoch > firstEpoch && epoch % config.saveEveryEpochs === 0)) {
        await this.#save();
      }
      if (isLast || signal?.aborted) break;
      await this.#epoch();
    }
    const { epoch, step, best } = this.#state;
    return { finished: epoch === epochs && !signal?.aborted, epoch, step, best };
  }

  /** From the step where the run stands to the epoch's end, or to the signal. */
  async #epoch(): Promise<void> {
    const { config, stage } = this.#description;
    const { epoch } = this.#state;
    const rate = learningRate(config, stage, epoch);
    const started = performance.now();
    const { perEpoch } = this.#batches;
    let next = this.#batches.patches(epoch, this.#state.stepInEpoch, config[stage].augment);
    while (this.#state.stepInEpoch < perEpoch) {
      const items = await next;
      this.#batches.upload(
        this.#gpu,
        items,
        this.#program.image,
        this.#program.target,
        config[stage].augment,
      );
      this.#program.program.run();
      this.#optimizer.update(rate);
      const { stepInEpoch, step, lossSums } = this.#state;
      if (stepInEpoch + 1 < perEpoch)
        next = this.#batches.patches(epoch, stepInEpoch + 1, config[stage].augment);
      const losses = await downloadF32(this.#gpu, this.#program.loss);
      if (!losses.every(Number.isFinite)) {
        throw new Error(
          `training: the loss is ${losses[0]} in epoch ${epoch + 1}; try a lower learning rate`,
        );
      }
      this.#state = {
        ...this.#state,
        stepInEpoch: stepInEpoch + 1,
        step: step + 1,
        lossSums: lossSums.map((sum, i) => sum + losses[i]) as unknown as RunState['lossSums'],
      };
      const steps = perEpoch * config[stage].epochs;
      this.#hooks.onStep?.({ step: step + 1, steps, epoch: epoch + 1, loss: losses[0] });
      if (this.#hooks.signal?.aborted && stepInEpoch + 1 < perEpoch) {
        await next;
        return;
      }
    }
    const [loss, dice, crossEntropy] = this.#state.lossSums.map((sum) => sum / perEpoch);
    this.#state = { ...this.#state, epoch: epoch + 1, stepInEpoch: 0, lossSums: [0, 0, 0] };
    await this.#log.add({
      event: 'epoch',
      epoch: epoch + 1,
      step: this.#state.step,
      loss,
      dice,
      crossEntropy,
      learningRate: rate,
      seconds: seconds(started),
    });
  }

  async #validate(): Promise<void> {
    const { config, labelNames } = this.#description;
    const started = performance.now();
    const { validation } = this.#cases;
    const { signal } = this.#hooks;
    let score: ValidationScore;
    try {
      score = await validate(this.#gpu, config, this.#memory(), validation, this.#store, signal);
    } catch (error) {
      if (signal?.aborted) return; // it is due again when the run goes on
      throw error;
    }
    const { epoch, step, best } = this.#state;
    const isBest = !best || score.meanDsc > best.meanDsc;
    this.#state = { ...this.#state, validated: epoch };
    if (isBest) {
      this.#state = { ...this.#state, best: { epoch, meanDsc: score.meanDsc } };
      const values = await this.#layout.download(this.#gpu, this.#parameters);
      await saveBest(this.#folder, this.#layout.specs, values);
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
    const values = await this.#layout.download(this.#gpu, this.#parameters);
    await saveLatest(this.#folder, this.#layout.specs, values, await this.#optimizer.moments(), this.#state);
  }

  close(): void {
    this.#program.program.close();
    this.#optimizer.close();
    release(this.#gpu, this.#parameters, this.#gradients);
  }
}

const seconds = (since: number) => Math.round(performance.now() - since) / 1000;
