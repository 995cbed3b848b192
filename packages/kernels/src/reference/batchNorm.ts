/** Twin of `ops/batchNorm.ts` with LeakyReLU behind it. */
import { type Reference, reference } from './array.ts';

const EPSILON = 1e-5;

interface Parameters {
  /** [C] */
  readonly weight: Reference;
  readonly bias: Reference;
  readonly mean: Reference;
  readonly variance: Reference;
  readonly slope: number;
}

const normalised = ({ shape, data }: Reference, { mean, variance }: Parameters): Float64Array =>
  data.map((x, i) => {
    const c = i % shape[4]!;
    return (x - mean.data[c]!) / Math.sqrt(variance.data[c]! + EPSILON);
  });

export function forward(input: Reference, parameters: Parameters): Reference {
  const { weight, bias, slope } = parameters;
  const channels = input.shape[4]!;
  const z = normalised(input, parameters).map(
    (x, i) => weight.data[i % channels]! * x + bias.data[i % channels]!,
  );
  return reference(
    input.shape,
    z.map((x) => (x > 0 ? x : x * slope)),
  );
}

export function backward(input: Reference, parameters: Parameters, dOutput: Reference) {
  const { weight, variance, slope } = parameters;
  const channels = input.shape[4]!;
  const xHat = normalised(input, parameters);
  const output = forward(input, parameters);
  const dInput = reference(input.shape);
  const [dWeight, dBias] = [reference(weight.shape), reference(weight.shape)];
  dOutput.data.forEach((g, i) => {
    const c = i % channels;
    const dz = g * (output.data[i]! > 0 ? 1 : slope);
    dBias.data[c]! += dz;
    dWeight.data[c]! += dz * xHat[i]!;
    dInput.data[i] = (weight.data[c]! * dz) / Math.sqrt(variance.data[c]! + EPSILON);
  });
  return { dInput, dWeight, dBias };
}
