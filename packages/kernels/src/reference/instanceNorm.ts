/** Twin of `ops/instanceNorm.ts`. */
import { type Reference, reference } from './array.ts';

const EPSILON = 1e-5;

interface Parameters {
  readonly weight: Reference;
  readonly bias: Reference;
  readonly residual?: Reference | undefined;
  readonly slope: number;
}

/** The indices of the voxels of each (n, c). */
function* instances(shape: readonly number[]): Generator<{ n: number; c: number; at: number[] }> {
  const [N, , , , C] = shape as [number, number, number, number, number];
  const voxels = shape.slice(1, 4).reduce((a, b) => a * b, 1);
  for (let n = 0; n < N; n++)
    for (let c = 0; c < C; c++)
      yield { n, c, at: Array.from({ length: voxels }, (_, v) => (n * voxels + v) * C + c) };
}

function normalised(x: Reference, at: number[]) {
  const mean = at.reduce((sum, i) => sum + x.data[i]!, 0) / at.length;
  const variance = at.reduce((sum, i) => sum + (x.data[i]! - mean) ** 2, 0) / at.length;
  const rstd = 1 / Math.sqrt(variance + EPSILON);
  return { mean, rstd, xHat: at.map((i) => (x.data[i]! - mean) * rstd) };
}

/** [N, C, 2]: mean and 1/√(var + ε). */
export function statisticsOf(input: Reference): Reference {
  const all = [...instances(input.shape)].map(({ at }) => normalised(input, at));
  return {
    shape: [input.shape[0]!, input.shape[4]!, 2],
    data: Float64Array.from(all.flatMap(({ mean, rstd }) => [mean, rstd])),
  };
}

export function forward(input: Reference, { weight, bias, residual, slope }: Parameters): Reference {
  const output = reference(input.shape);
  for (const { c, at } of instances(input.shape)) {
    const { xHat } = normalised(input, at);
    at.forEach((i, v) => {
      const z = weight.data[c]! * xHat[v]! + bias.data[c]! + (residual?.data[i] ?? 0);
      output.data[i] = z > 0 ? z : z * slope;
    });
  }
  return output;
}

export function backward(input: Reference, parameters: Parameters, dOutput: Reference) {
  const { weight, slope } = parameters;
  const output = forward(input, parameters);
  const dInput = reference(input.shape);
  const dResidual = reference(input.shape);
  const dWeight = reference(weight.shape);
  const dBias = reference(weight.shape);
  for (const { c, at } of instances(input.shape)) {
    const { rstd, xHat } = normalised(input, at);
    const dz = at.map((i) => dOutput.data[i]! * (output.data[i]! > 0 ? 1 : slope));
    const sum = dz.reduce((a, b) => a + b, 0);
    const sumX = dz.reduce((a, b, v) => a + b * xHat[v]!, 0);
    dBias.data[c]! += sum;
    dWeight.data[c]! += sumX;
    at.forEach((i, v) => {
      dResidual.data[i] = dz[v]!;
      dInput.data[i] = weight.data[c]! * rstd * (dz[v]! - sum / at.length - (xHat[v]! * sumX) / at.length);
    });
  }
  return { dInput, dResidual, dWeight, dBias };
}
