import { readFile } from 'node:fs/promises';
import { InputError } from '@organseg/core/inputError.ts';
import { type NamedArrays, ParameterLayout } from '@organseg/core/network/parameters.ts';
import { type ActivationType, trainingProgram } from '@organseg/core/network/program.ts';
import { decodeSafetensors, type SafeTensors } from '@organseg/core/network/safetensors.ts';
import { Tape, type Triple } from '@organseg/core/network/tape.ts';
import { type UnetConfig, unet } from '@organseg/core/network/unet.ts';
import { type Gpu, openGpu } from '@organseg/kernels/device.ts';
import { relativeError } from '@organseg/kernels/reference/array.ts';
import { downloadF32, upload } from '@organseg/kernels/tensor.ts';
import { AdamOptimizer } from '@organseg/train/optimizer.ts';
import { type CommonOptions, command, print } from '../command.ts';

/**
 * Largest relative errors that pass. Rounding activations to f16 moves some across LeakyReLU's kink, which alone
 * changes gradients by 5 to 15 % (so it does in float64 arithmetic); training follows the losses all the same.
 */
const TOLERANCE = { f32: { values: 1e-4, gradients: 1e-4 }, f16: { values: 2e-2, gradients: 0.25 } };

interface ParityReport {
  readonly file: string;
  readonly dtype: ActivationType;
  readonly adapter: string;
  readonly parameters: number;
  readonly tolerance: { readonly values: number; readonly gradients: number };
  readonly passed: boolean;
  /** Relative errors ‖a − b‖/‖b‖. */
  readonly errors: {
    readonly logits: number;
    readonly loss: number;
    readonly adamLosses: number;
    /** The largest of the gradients'. */
    readonly gradients: number;
  };
  readonly gradients: Readonly<Record<string, number>>;
}

export const parity = command('parity', 'Compare the network with a reference file made by PyTorch')
  .argument('<file>', 'safetensors with input, target, param/*, logits, grad/*, adam_losses and metadata')
  .option('--dtype <type>', 'what activations are stored in: f32 or f16', 'f32')
  .action(async (file: string, options: CommonOptions & { dtype: string }) => {
    if (options.dtype !== 'f32' && options.dtype !== 'f16') {
      throw new InputError(`--dtype expects f32 or f16, got ${options.dtype}`);
    }
    const reference = decodeSafetensors(await readFile(file), file);
    const gpu = await openGpu();
    try {
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
  reference: SafeTensors,
  dtype: ActivationType,
): Promise<ParityReport> {
  const input = floats(reference, 'input', file);
  const config = configOf(reference, file);
  const tape = new Tape();
  const image = tape.input(channelsLast(input.shape));
  const logits = unet(tape, image, config);
  const layout = new ParameterLayout(tape.parameters);
  const parameters = layout.allocate(gpu);
  const gradients = layout.allocate(gpu);
  layout.upload(gpu, parameters, byPrefix(reference, 'param/'));

  const voxels = logits.shape.slice(0, 4).reduce((a, b) => a * b, 1);
  const lossScale = dtype === 'f16' ? 2 ** Math.floor(Math.log2(voxels)) : 1;
  const memory = { layout, parameters, gradients, activation: dtype, lossScale };
  const step = trainingProgram(gpu, { tape, image, logits }, memory);
  upload(gpu, step.image, toChannelsLast(input.values, input.shape));
  upload(gpu, step.target, Uint8Array.from(integers(reference, 'target', file)));

  const optimizer = new AdamOptimizer(gpu, layout, parameters, gradients);
  const losses: number[] = [];
  const expectedLosses = floats(reference, 'adam_losses', file).values;
  const expectedLogits = floats(reference, 'logits', file);
  let logitsError = 0;
  let gradientErrors: Record<string, number> = {};
  for (let i = 0; i < expectedLosses.length; i++) {
    step.program.run();
    losses.push((await downloadF32(gpu, step.loss))[0]!);
    if (i === 0) {
      const expected = toChannelsLast(expectedLogits.values, expectedLogits.shape);
      logitsError = relativeError(await downloadF32(gpu, step.logits), expected);
      const actual = await layout.download(gpu, gradients);
      for (const values of actual.values())
        values.forEach((g, k) => {
          values[k] = g / lossScale;
        });
      gradientErrors = compareGradients(actual, reference, file);
    }
    optimizer.update(learningRateOf(reference, file), lossScale);
  }
  const expectedLoss = Number(reference.metadata.loss_value ?? expectedLosses[0]);
  const errors = {
    logits: logitsError,
    loss: Math.abs(losses[0]! - expectedLoss) / Math.abs(expectedLoss),
    gradients: Math.max(...Object.values(gradientErrors)),
    adamLosses: relativeError(losses, expectedLosses),
  };
  const tolerance = TOLERANCE[dtype];
  const { gradients: worst, ...values } = errors;
  return {
    file,
    dtype,
    adapter: gpu.adapter.name,
    parameters: layout.count,
    tolerance,
    passed: worst <= tolerance.gradients && Object.values(values).every((e) => e <= tolerance.values),
    errors,
    gradients: gradientErrors,
  };
}

/**
 * Errors relative to each gradient, but for filters of a single weight (the 1×1×1 convolution of one channel):
 * the norm behind takes their scale out, so that their gradient is 0 but for the norm's ε and float32 keeps none
 * of its digits, in PyTorch either. Theirs are relative to the whole network's gradient.
 */
function compareGradients(actual: NamedArrays, reference: SafeTensors, file: string): Record<string, number> {
  const expected = byPrefix(reference, 'grad/');
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  const whole = Math.hypot(...[...expected.values()].map(norm));
  const errors: Record<string, number> = {};
  for (const [name, values] of expected) {
    const ours = actual.get(name);
    if (!ours) throw new InputError(`${file}: grad/${name} is no parameter of this network`);
    const { shape } = tensorOf(reference, `grad/${name}`, file);
    const single = shape.length === 5 && shape.slice(1).every((n) => n === 1);
    errors[name] = relativeError(ours, values) * (single ? norm(values) / whole : 1);
  }
  return errors;
}

function configOf({ metadata, tensors }: SafeTensors, file: string): UnetConfig {
  const list = (key: string): unknown[] => {
    try {
      const value: unknown = JSON.parse(metadata[key] ?? '');
      if (Array.isArray(value)) return value;
    } catch {}
    throw new InputError(`${file}: metadata ${key} expects a JSON list, got ${metadata[key]}`);
  };
  const triples = (key: string) =>
    list(key).map(
      (k): Triple => (Array.isArray(k) ? (k as unknown as Triple) : [Number(k), Number(k), Number(k)]),
    );
  return {
    inputChannels: tensors.get('input')?.shape[1] ?? 1,
    classes: Number(metadata.classes),
    filters: list('filters').map(Number),
    kernels: triples('kernel_size'),
    strides: triples('strides'),
  };
}

function learningRateOf({ metadata }: SafeTensors, file: string): number {
  const lr = /\blr=([\d.e+-]+)/.exec(metadata.optimizer ?? '')?.[1];
  if (!lr) throw new InputError(`${file}: metadata optimizer expects "Adam lr=…", got ${metadata.optimizer}`);
  return Number(lr);
}

function tensorOf({ tensors }: SafeTensors, name: string, file: string) {
  const tensor = tensors.get(name);
  if (!tensor) throw new InputError(`${file}: it has no tensor ${name}`);
  return tensor;
}

function floats(reference: SafeTensors, name: string, file: string) {
  const { shape, values } = tensorOf(reference, name, file);
  return { shape, values: Float32Array.from(values as Float32Array) };
}

function integers(reference: SafeTensors, name: string, file: string): number[] {
  return Array.from(tensorOf(reference, name, file).values as Uint8Array, Number);
}

function byPrefix({ tensors }: SafeTensors, prefix: string): NamedArrays {
  const named = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(
    named.map(([name, { values }]) => [name.slice(prefix.length), Float32Array.from(values as Float32Array)]),
  );
}

/** PyTorch's [N, C, D, H, W] as [N, D, H, W, C]. */
const channelsLast = ([n, c, ...size]: readonly number[]): number[] => [n!, ...size, c!];

function toChannelsLast(values: Float32Array, shape: readonly number[]): Float32Array {
  const [batch, channels, ...size] = shape as [number, number, ...number[]];
  const voxels = size.reduce((a, b) => a * b, 1);
  const result = new Float32Array(values.length);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++)
      for (let v = 0; v < voxels; v++)
        result[(n * voxels + v) * channels + c] = values[(n * channels + c) * voxels + v]!;
  return result;
}

function table({ errors, tolerance, passed, adapter, parameters, dtype, gradients }: ParityReport): string {
  const worst = Object.entries(gradients).sort((a, b) => b[1] - a[1])[0];
  return [
    `${parameters} parameters, ${dtype} on ${adapter}; relative errors:`,
    `  logits       ${errors.logits.toExponential(2)}`,
    `  loss         ${errors.loss.toExponential(2)}`,
    `  gradients    ${errors.gradients.toExponential(2)}  (largest: ${worst?.[0]})`,
    `  Adam losses  ${errors.adamLosses.toExponential(2)}`,
    `${passed ? 'passed' : 'FAILED'}: at most ${tolerance.values} is allowed, ${tolerance.gradients} in gradients`,
  ].join('\n');
}
