/** Twin of `ops/groupNorm.ts` with LeakyReLU behind it. */
import { type Reference, reference } from './array.ts';

const EPSILON = 1e-5;

interface Parameters {
  readonly weight: Reference;
  readonly bias: Reference;
  readonly groups: number;
  readonly slope: number;
}

/** The indices of the elements of each (n, group). */
function* instances(shape: readonly number[], groups: number): Generator<number[]> {
  const [N, , , , C] = shape as [number, number, number, number, number];
  const each = C / groups;
  const voxels = shape.slice(1, 4).reduce((a, b) => a * b, 1);
  for (let n = 0; n < N; n++)
    for (let g = 0; g < groups; g++)
      yield Array.from(
        { length: voxels * each },
        (_, i) => (n * voxels + Math.floor(i / each)) * C + g * each + (i % each),
      );
}

function normalised(x: Reference, at: number[]) {
  const mean = at.reduce((sum, i) => sum + x.data[i]!, 0) / at.length;
  const variance = at.reduce((sum, i) => sum + (x.data[i]! - mean) ** 2, 0) / at.length;
  const rstd = 1 / Math.sqrt(variance + EPSILON);
  return { rstd, xHat: at.map((i) => (x.data[i]! - mean) * rstd) };
}

export function forward(input: Reference, { weight, bias, groups, slope }: Parameters): Reference {
  const channels = input.shape[4]!;
  const output = reference(input.shape);
  for (const at of instances(input.shape, groups)) {
    const { xHat } = normalised(input, at);
    at.forEach((i, k) => {
      const z = weight.data[i % channels]! * xHat[k]! + bias.data[i % channels]!;
      output.data[i] = z > 0 ? z : z * slope;
    });
  }
  return output;
}

export function backward(input: Reference, parameters: Parameters, dOutput: Reference) {
  const { weight, groups, slope } = parameters;
  const channels = input.shape[4]!;
  const output = forward(input, parameters);
  const dInput = reference(input.shape);
  const dWeight = reference(weight.shape);
  const dBias = reference(weight.shape);
  for (const at of instances(input.shape, groups)) {
    const { rstd, xHat } = normalised(input, at);
    const dz = at.map((i) => dOutput.data[i]! * (output.data[i]! > 0 ? 1 : slope));
    const dxHat = dz.map((g, k) => g * weight.data[at[k]! % channels]!);
    const sum = dxHat.reduce((a, b) => a + b, 0) / at.length;
    const sumX = dxHat.reduce((a, b, k) => a + b * xHat[k]!, 0) / at.length;
    at.forEach((i, k) => {
      dBias.data[i % channels]! += dz[k]!;
      dWeight.data[i % channels]! += dz[k]! * xHat[k]!;
      dInput.data[i] = rstd * (dxHat[k]! - sum - xHat[k]! * sumX);
    });
  }
  return { dInput, dWeight, dBias };
}
