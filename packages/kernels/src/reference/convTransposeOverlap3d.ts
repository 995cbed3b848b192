/** Twin of `ops/convTransposeOverlap3d.ts`: the sums as they are written there, by another padding where it is given. */
import { type Dhw, dhw, dhwOfList } from '../axes.ts';
import { type Reference, reference } from './array.ts';

/** Half the kernel [kD, kH, kW] of a weight, without its middle. */
const halfOf = (weight: Reference): Dhw => dhw((axis) => (dhwOfList(weight.shape, 2)[axis]! - 1) / 2);

/** Calls `visit(outVoxel, inVoxel, tap)` for every product, channels left at 0. */
function products(
  [N, ...size]: readonly number[],
  kernel: readonly number[],
  stride: Dhw,
  padding: Dhw,
  visit: (outVoxel: number, inVoxel: number, tap: number) => void,
): void {
  const [D, H, W] = size as [number, number, number];
  const [kD, kH, kW] = kernel as [number, number, number];
  const out = size.map((n, i) => n * stride[i]!) as [number, number, number];
  for (let i = 0; i < N! * D * H * W; i++) {
    const n = Math.floor(i / (D * H * W));
    const at = [Math.floor(i / (H * W)) % D, Math.floor(i / W) % H, i % W];
    for (let t = 0; t < kD * kH * kW; t++) {
      const tap = [Math.floor(t / (kH * kW)), Math.floor(t / kW) % kH, t % kW];
      const to = at.map((x, axis) => x * stride[axis]! - padding[axis]! + tap[axis]!);
      if (to.some((x, axis) => x < 0 || x >= out[axis]!)) continue;
      visit(((n * out[0] + to[0]!) * out[1] + to[1]!) * out[2] + to[2]!, i, t);
    }
  }
}

/** weight [Cin, Cout, kD, kH, kW], bias [Cout] */
export function forward(
  input: Reference,
  weight: Reference,
  bias: Reference | undefined,
  stride: Dhw,
  padding = halfOf(weight),
): Reference {
  const [Cin, Cout, ...kernel] = weight.shape as [number, number, ...number[]];
  const [N, ...size] = input.shape.slice(0, 4) as [number, ...number[]];
  const taps = kernel.reduce((a, b) => a * b, 1);
  const output = reference([N, ...size.map((n, i) => n * stride[i]!), Cout]);
  if (bias) for (let i = 0; i < output.data.length; i++) output.data[i] = bias.data[i % Cout]!;
  products(input.shape.slice(0, 4), kernel, stride, padding, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++)
        output.data[o * Cout + co]! += weight.data[(ci * Cout + co) * taps + t]! * input.data[i * Cin + ci]!;
  });
  return output;
}

export function backward(
  input: Reference,
  weight: Reference,
  dOutput: Reference,
  stride: Dhw,
  padding = halfOf(weight),
) {
  const [Cin, Cout, ...kernel] = weight.shape as [number, number, ...number[]];
  const taps = kernel.reduce((a, b) => a * b, 1);
  const dInput = reference(input.shape);
  const dWeight = reference(weight.shape);
  const dBias = reference([Cout]);
  dOutput.data.forEach((g, i) => {
    dBias.data[i % Cout]! += g;
  });
  products(input.shape.slice(0, 4), kernel, stride, padding, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++) {
        const w = (ci * Cout + co) * taps + t;
        dInput.data[i * Cin + ci]! += weight.data[w]! * dOutput.data[o * Cout + co]!;
        dWeight.data[w]! += input.data[i * Cin + ci]! * dOutput.data[o * Cout + co]!;
      }
  });
  return { dInput, dWeight, dBias };
}
