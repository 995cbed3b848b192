/**
 * One step of training on the GPU, with all memory that it takes: forward, loss, backward, optimiser, and the average
 * of the weights.
 *
 * With `precision: 'f16'` activations and their gradients are f16, parameters and their gradients f32. A gradient
 * that is not finite makes the optimiser skip the step on the GPU; the host hears of it with the loss.
 */
import { recordNetwork } from '@organseg/core/network/network.ts';
import type { NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import type { NetworkMemory } from '@organseg/core/network/program.ts';
import { type TrainingProgram, trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import { CODED_CLASSES } from '@organseg/kernels/codedLabels.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { GpuTimer } from '@organseg/kernels/gpuTimer.ts';
import { download, downloadF32, release, type Tensor } from '@organseg/kernels/tensor.ts';
import { labelsPatches } from '../config/copyPaste.ts';
import { parameterLayout, precisionOf } from '../config/network.ts';
import { networkConfig } from '../config/networkSettings.ts';
import type { Config } from '../config/schema.ts';
import { afterStep, INITIAL_LOSS_SCALE, type LossScaleState } from './lossScale.ts';
import { MeanTeacher } from './meanTeacher.ts';
import { type Moments, Optimizer } from './optimizer.ts';
import { WeightAverage } from './weightAverage.ts';

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

/** Name, among the moments, of the average of the weights. */
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
  readonly #average: WeightAverage | undefined;
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
    const options = { skipsOverflow: this.#lossScale !== null };
    this.#optimizer = new Optimizer(gpu, config, this.layout, this.parameters, this.#gradients, options);
    const { weightAverage } = config;
    if (weightAverage !== null) {
      const { overflow } = this.#optimizer;
      this.#average = new WeightAverage(gpu, weightAverage, this.layout, this.parameters, overflow);
    }
    const taught = taughtItems(config);
    if (taught) this.#teacher = new MeanTeacher(gpu, config, taught, this.memory);
    this.#makeTraining = () =>
      trainingProgram(gpu, recorded, {
        layout: this.layout,
        parameters: this.parameters,
        activation: this.#activation,
        gradients: this.#gradients,
        lossScale: this.#lossScale?.scale ?? 1,
        teacher: config.consistency ? this.#teacher?.logits : undefined,
        pseudoWeight: pseudoWeightOf(config),
        regions: config.regions?.map(({ labels }) => labels),
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

  /** The network that is validated, as it is now: that of the averaged weights where they are averaged. */
  get memory(): NetworkMemory {
    const parameters = this.#average?.parameters ?? this.parameters;
    return { layout: this.layout, parameters, activation: this.#activation };
  }

  /** f32 [N, D, H, W, C]: the patches of the next step. */
  get image(): Tensor {
    return this.#training.image;
  }

  /** The network that labels unlabelled patches in each step, where there is one. */
  get teacher(): MeanTeacher | undefined {
    return this.#teacher;
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
    if (this.#training.consistencyLoss) this.#teacher?.predict();
    this.#training.run();
    this.#optimizer.update(learningRate, this.#lossScale?.scale);
    this.#average?.follow(this.#optimizer.step - 1);
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

  /** Begins with these parameters, the average too. */
  start(parameters: NamedArrays): void {
    this.layout.upload(this.#gpu, this.parameters, parameters);
    if (this.#average) this.layout.upload(this.#gpu, this.#average.parameters, parameters);
  }

  /** Goes on behind so many steps, those that were skipped included. */
  restore(steps: number, parameters: NamedArrays, moments: Moments, lossScale: LossScaleState | null): void {
    this.start(parameters);
    const { [AVERAGE]: average, ...own } = moments;
    this.#optimizer.restore(steps - (lossScale?.skippedSteps ?? 0), own);
    if (this.#average) this.layout.upload(this.#gpu, this.#average.parameters, average);
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

  /** The optimiser's moments, and the average of the weights. */
  async moments(): Promise<Moments> {
    const moments = await this.#optimizer.moments();
    return this.#average ? { ...moments, [AVERAGE]: await this.validatedValues() } : moments;
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
    this.#average?.close();
    this.#optimizer.close();
    this.#timer.close();
    release(this.#gpu, this.parameters, this.#gradients);
  }
}

/** Number of a batch's patches that the mean teacher labels in each step. */
function taughtItems(config: Config): number {
  const { consistency, batch } = config;
  if (consistency) return consistency.patches;
  return labelsPatches(config) ? batch : 0;
}

/**
 * The weight of pseudo-labels in the loss, whose targets are then coded; undefined where there are too many classes for
 * a target to say more than its class.
 */
const pseudoWeightOf = ({ classes, copyPaste }: Config): number | undefined =>
  classes <= CODED_CLASSES ? (copyPaste?.pseudoWeight ?? 1) : undefined;
