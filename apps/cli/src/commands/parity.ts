/** `organseg parity`: the network against a reference file made by PyTorch. */
import type { NamedArrays } from '@organseg/core/network/parameters.ts';
import type { ActivationType } from '@organseg/core/network/program.ts';
import { trainingProgram } from '@organseg/core/network/trainingProgram.ts';
import { statOf } from '@organseg/files/read.ts';
import type { Gpu } from '@organseg/kernels/device.ts';
import { openGpu } from '@organseg/kernels/open/dawn.ts';
import { KERNELS, oneKernel } from '@organseg/kernels/ops/conv/choice/tile.ts';
import { relativeError } from '@organseg/kernels/reference/array.ts';
import { downloadF32, upload } from '@organseg/kernels/tensor.ts';
import { Optimizer } from '@organseg/train/step/optimizer.ts';
import { Option } from 'commander';
import { folderParity, type Stage } from '../parity/folderParity.ts';
import { type ParityReference, readReference } from '../parity/parityReference.ts';
import { type CommonOptions, command, dtypeOption, print } from '../terminal/command.ts';

/**
 * The largest relative errors that pass. In f32 every parameter's gradient is held to it. Rounding activations to f16
 * moves some across LeakyReLU's kink, which changes a single small gradient by 5 to 15 % (so it does in float64
 * arithmetic): there the gradient of all parameters together is, along which a step goes.
 */
const TOLERANCE = { f32: 1e-4, f16: 5e-2 };

/** Settings of the optimiser that made the reference. */
const ADAM = { optimizer: 'adam', momentum: 0.9, weightDecay: 0, gradientNorm: null } as const;

interface Options extends CommonOptions {
  dtype: ActivationType;
  kernel?: (typeof KERNELS)[number];
}

interface ParityReport {
  readonly file: string;
  readonly dtype: ActivationType;
  readonly adapter: string;
  readonly parameters: number;
  readonly tolerance: number;
  readonly passed: boolean;
  /** Relative errors ‖a − b‖/‖b‖. */
  readonly errors: {
    readonly logits: number;
    readonly loss: number;
    readonly adamLosses: number;
    /** Error of the gradient of all parameters together. */
    readonly gradient: number;
    /** Largest error of a single parameter's gradient. */
    readonly gradients: number;
  };
  /** Errors of single parameters' gradients, by name. */
  readonly gradients: Readonly<Record<string, number>>;
}

interface FolderReport {
  readonly folder: string;
  readonly dtype: ActivationType;
  readonly adapter: string;
  readonly passed: boolean;
  readonly stages: readonly Stage[];
}

export const parity = command('parity', 'Compare the network with a reference file made by PyTorch')
  .argument(
    '<path>',
    'safetensors with input, target, param/*, logits, grad/*, adam_losses and metadata; or the folder of a model of nnU-Net, or of a network alone, with what PyTorch made of it',
  )
  .addOption(dtypeOption())
  .addOption(
    new Option(
      '--kernel <kind>',
      'one for all convolutions; matrix, for f16, is emulated where the adapter has no subgroup matrices',
    ).choices(KERNELS),
  )
  .action(async (file: string, options: Options) => {
    const isFolder = (await statOf(file)).isDirectory();
    const reference = isFolder ? undefined : await readReference(file);
    const gpu = await openGpu(options.kernel ? { tileChoice: oneKernel(options.kernel) } : {});
    try {
      if (!reference) {
        const stages = await folderParity(gpu, file, options.dtype);
        const passed = stages.every(({ error, tolerance }) => error <= tolerance);
        const report: FolderReport = {
          folder: file,
          dtype: options.dtype,
          adapter: gpu.adapter.name,
          passed,
          stages,
        };
        print(options, report, stageTable(report));
        if (!passed) process.exitCode = 1;
        return;
      }
      const report = await compare(gpu, file, reference, options.dtype);
      print(options, report, table(report));
      if (!report.passed) process.exitCode = 1;
    } finally {
      gpu.close();
    }
  });

async function compare(
  gpu: Gpu,
  file: string,
  reference: ParityReference,
  dtype: ActivationType,
): Promise<ParityReport> {
  const { tape, image, logits, layout, expectedLogits, expectedLoss, expectedLosses } = reference;
  const parameters = layout.allocate(gpu);
  const gradients = layout.allocate(gpu);
  layout.upload(gpu, parameters, reference.parameters);

  const voxels = logits.shape.slice(0, 4).reduce((a, b) => a * b, 1);
  const lossScale = dtype === 'f16' ? 2 ** Math.floor(Math.log2(voxels)) : 1;
  const memory = { layout, parameters, gradients, activation: dtype, lossScale };
  const step = trainingProgram(gpu, { tape, image, logits }, memory);
  upload(gpu, step.image, reference.input);
  upload(gpu, step.target, reference.target);

  await gpu.pipelines.ready();
  const optimizer = new Optimizer(gpu, ADAM, layout, parameters, gradients);
  const losses: number[] = [];
  let logitsError = 0;
  let gradientErrors: Record<string, number> = {};
  let gradientError = 0;
  for (let i = 0; i < expectedLosses.length; i++) {
    step.run();
    losses.push((await downloadF32(gpu, step.loss))[0]!);
    if (i === 0) {
      logitsError = relativeError(await downloadF32(gpu, step.logits), expectedLogits);
      const actual = await layout.download(gpu, gradients);
      for (const values of actual.values())
        values.forEach((g, k) => {
          values[k] = g / lossScale;
        });
      gradientErrors = compareGradients(actual, reference);
      gradientError = relativeError(flat(actual, reference), flat(reference.expectedGradients, reference));
    }
    optimizer.update(reference.learningRate, lossScale);
  }
  const errors = {
    logits: logitsError,
    loss: Math.abs(losses[0]! - expectedLoss) / Math.abs(expectedLoss),
    gradient: gradientError,
    gradients: Math.max(...Object.values(gradientErrors)),
    adamLosses: relativeError(losses, expectedLosses),
  };
  const tolerance = TOLERANCE[dtype];
  const { gradients: worst, ...whole } = errors;
  const held = dtype === 'f32' ? { ...whole, worst } : whole;
  return {
    file,
    dtype,
    adapter: gpu.adapter.name,
    parameters: layout.count,
    tolerance,
    passed: Object.values(held).every((error) => error <= tolerance),
    errors,
    gradients: gradientErrors,
  };
}

/**
 * Errors relative to each gradient, but for filters of a single weight (the 1×1×1 convolution of one channel). The
 * norm behind takes their scale out, so that their gradient is 0 but for the norm's ε, and float32 keeps none of its
 * digits, nor does it in PyTorch. Theirs are relative to the whole network's gradient.
 */
function compareGradients(
  actual: NamedArrays,
  { layout, expectedGradients: expected }: ParityReference,
): Record<string, number> {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const whole = Math.hypot(...[...expected.values()].map(norm));
  const errors: Record<string, number> = {};
  for (const { name, shape } of layout.specs) {
    const values = expected.get(name)!;
    const single = shape.length === 5 && shape.slice(1).every((n) => n === 1);
    errors[name] = relativeError(actual.get(name)!, values) * (single ? norm(values) / whole : 1);
  }
  return errors;
}

const flat = (values: NamedArrays, { layout }: ParityReference): number[] =>
  layout.specs.flatMap(({ name }) => [...values.get(name)!]);

function table({ errors, tolerance, passed, adapter, parameters, dtype, gradients }: ParityReport): string {
  const worst = Object.entries(gradients).sort((a, b) => b[1] - a[1])[0];
  return [
    `${parameters} parameters, ${dtype} on ${adapter}; relative errors:`,
    `  logits       ${errors.logits.toExponential(2)}`,
    `  loss         ${errors.loss.toExponential(2)}`,
    `  gradient     ${errors.gradient.toExponential(2)}`,
    `  of each parameter, at most ${errors.gradients.toExponential(2)}  (${worst?.[0]})`,
    `  Adam losses  ${errors.adamLosses.toExponential(2)}`,
    `${passed ? 'passed' : 'FAILED'}: at most ${tolerance} is allowed${dtype === 'f16' ? ', single parameters aside' : ''}`,
  ].join('\n');
}

const stageTable = ({ dtype, adapter, passed, stages }: FolderReport): string =>
  [
    `${dtype} on ${adapter}; differences:`,
    ...stages.map(
      ({ name, error, tolerance }) =>
        `  ${name.padEnd(13)}${error.toExponential(2)}  (at most ${tolerance} is allowed)`,
    ),
    passed ? 'passed' : 'FAILED',
  ].join('\n');
