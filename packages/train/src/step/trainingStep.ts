/**
 * One step of training on the GPU, with all memory that it takes: forward, loss, backward, optimiser, and the mean
 * teacher's average.
 *
 * With `precision: 'f16'` activations and their gradients are f16, parameters and their gradients f32. A gradient
 * that is not finite makes the optimiser skip the step on the GPU; the host hears of it with the loss.
 */
import { recordNetwork } from '@organseg/core/network/network.ts';
import type { NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import { type TrainingProgram, trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { GpuTimer } from '@organseg/kernels/gpuTimer.ts';
import { download, downloadF32, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { parameterLayout, precisionOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';
import { afterStep, INITIAL_LOSS_SCALE, type LossScaleState } from './lossScale.ts';
import { MeanTeacher } from './meanTeacher.ts';
import { type Moments, Optimizer } from './optimizer.ts';

export interface StepResult {
  /** The loss, its Dice part, its cross-entropy part; with a teacher the distance to it too, without its weight. */
  readonly losses: readonly number[];
  /** Whether gradients were not finite, so that nothing has changed but the loss scale. */
  readonly skipped: boolean;
  /** Time that the GPU was at it. */
  readonly gpuMs: number;
  /** Time that the host took to submit it. */
  readonly hostMs: number;
}

/** Name, among the moments, of the mean teacher's weights. */
const AVERAGE = 'average';

export class TrainingStep {
  readonly layout: ParameterLayout;
  /** f32: the student's parameters, flat. */
  readonly parameters: Tensor;
  readonly #gpu: Gpu;
  readonly #activation: NetworkMemory['activation'];
  readonly #gradients: Tensor;
  readonly #makeTraining: () => TrainingProgram;
  #training: TrainingProgram;
  readonly #optimizer: Optimizer;
  readonly #teacher: MeanTeacher | undefined;
  readonly #timer: GpuTimer;
  #lossScale: LossScaleState | null;
  #consistencyWeight = 0;

  constructor(gpu: Gpu, config: Config) {
    const recorded = recordNetwork(networkConfig(config), config.batch, config.patch);
    this.#gpu = gpu;
    this.#activation = precisionOf(config, gpu);
    this.#lossScale = this.#activation === 'f16' ? INITIAL_LOSS_SCALE : null;
    this.#timer = new GpuTimer(gpu);
    this.layout = parameterLayout(config);
    this.parameters = this.layout.allocate(gpu);
    this.#gradients = this.layout.allocate(gpu);
    const { consistency } = config;
    const student = { parameters: this.parameters, activation: this.#activation };
    const options = { skipsOverflow: this.#lossScale !== null };
    this.#optimizer = new Optimizer(gpu, config, this.layout, this.parameters, this.#gradients, options);
    this.#teacher = consistency
      ? new MeanTeacher(gpu, { ...config, consistency }, this.layout, student, this.#optimizer.overflow)
      : undefined;
    this.#makeTraining = () =>
      trainingProgram(gpu, recorded, {
        layout: this.layout,
        ...student,
        gradients: this.#gradients,
        lossScale: this.#lossScale?.scale ?? 1,
        teacher: this.#teacher?.logits,
      });
    this.#training = this.#makeTraining();
  }

  /** Frees the memory that only steps take while other work is done. After it the image and the target are new ones. */
  async makeRoom<T>(work: () => Promise<T>): Promise<T> {
    this.#training.close();
    this.#gpu.arena.trim();
    try {
      return await work();
    } finally {
      this.#gpu.arena.trim();
      this.#training = this.#makeTraining();
      this.#setFactors();
    }
  }

  /** The network that is validated, as it is now: the teacher where there is one. */
  get memory(): NetworkMemory {
    const parameters = this.#teacher?.parameters ?? this.parameters;
    return { layout: this.layout, parameters, activation: this.#activation };
  }

  /** f32 [N, D, H, W, 1]: the patches of the next step. */
  get image(): Tensor {
    return this.#training.image;
  }

  /** f32 [U, D, H, W, 1]: what the teacher sees of the items without labels. */
  get teacherImage(): Tensor | undefined {
    return this.#teacher?.image;
  }

  /** u8 [N − U, D, H, W, 1]: the labels of those that have some. */
  get target(): Tensor {
    return this.#training.target;
  }

  /** State of the loss scale; null in f32. */
  get lossScale(): LossScaleState | null {
    return this.#lossScale;
  }

  /** Submits a step; the promise settles when it is done. Throws where gradients overflow at any loss scale. */
  async run(learningRate: number, consistencyWeight = 0): Promise<StepResult> {
    const started = performance.now();
    if (consistencyWeight !== this.#consistencyWeight) {
      this.#consistencyWeight = consistencyWeight;
      this.#setFactors();
    }
    this.#timer.begin();
    this.#teacher?.predict();
    this.#training.run();
    this.#optimizer.update(learningRate, this.#lossScale?.scale);
    this.#teacher?.follow(this.#optimizer.step - 1);
    const gpuTime = this.#timer.end();
    const hostMs = performance.now() - started;
    const { overflow } = this.#optimizer;
    const { loss, consistencyLoss } = this.#training;
    const [gpuMs, flag, ...losses] = await Promise.all([
      gpuTime,
      overflow && download(this.#gpu, overflow),
      ...[loss, ...(consistencyLoss ? [consistencyLoss] : [])].map((part) => downloadF32(this.#gpu, part)),
    ]);
    const skipped = flag?.[0] === 1;
    if (skipped) this.#optimizer.stepWasSkipped();
    if (this.#lossScale) this.#setLossScale(afterStep(this.#lossScale, skipped));
    return { losses: losses.flatMap((part) => [...part]), skipped, gpuMs, hostMs };
  }

  /** Begins with these parameters, the teacher too. */
  start(parameters: NamedArrays): void {
    this.layout.upload(this.#gpu, this.parameters, parameters);
    if (this.#teacher) this.layout.upload(this.#gpu, this.#teacher.parameters, parameters);
  }

  /** Goes on behind so many steps, those that were skipped included. */
  restore(steps: number, parameters: NamedArrays, moments: Moments, lossScale: LossScaleState | null): void {
    this.start(parameters);
    const { [AVERAGE]: average, ...own } = moments;
    this.#optimizer.restore(steps - (lossScale?.skippedSteps ?? 0), own);
    if (this.#teacher) this.layout.upload(this.#gpu, this.#teacher.parameters, average);
    if (this.#lossScale && lossScale) this.#setLossScale(lossScale);
  }

  /** The student's parameters. */
  values(): Promise<NamedArrays> {
    return this.layout.download(this.#gpu, this.parameters);
  }

  /** The parameters of the network that is validated. */
  validatedValues(): Promise<NamedArrays> {
    return this.layout.download(this.#gpu, this.memory.parameters);
  }

  /** The optimiser's moments, and the teacher's average. */
  async moments(): Promise<Moments> {
    const moments = await this.#optimizer.moments();
    return this.#teacher ? { ...moments, [AVERAGE]: await this.validatedValues() } : moments;
  }

  #setLossScale(state: LossScaleState): void {
    const isOther = state.scale !== this.#lossScale?.scale;
    this.#lossScale = state;
    if (isOther) this.#setFactors();
  }

  #setFactors(): void {
    this.#training.setFactors(this.#lossScale?.scale ?? 1, this.#consistencyWeight);
  }

  close(): void {
    this.#training.close();
    this.#teacher?.close();
    this.#optimizer.close();
    this.#timer.close();
    release(this.#gpu, this.parameters, this.#gradients);
  }
}
