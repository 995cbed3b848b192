/** Twin of `ops/conv3d.ts`: the sums as they are written there. */
import type { Dhw } from '../axes.ts';
import { type Reference, reference } from './array.ts';

export interface ConvShape {
  readonly kernel: Dhw;
  readonly stride: Dhw;
  readonly padding?: Dhw | undefined;
}

const pads = ({ kernel, stride, padding }: ConvShape) =>
  padding ?? kernel.map((k, i) => Math.floor((k - stride[i]! + 1) / 2));

/** Calls `visit(outIndex, inIndex, weightIndex, n)` for every product of the convolution, channels left at 0. */
function products(
  input: readonly number[],
  output: readonly number[],
  shape: ConvShape,
  visit: (outVoxel: number, inVoxel: number, tap: number) => void,
): void {
  const { kernel, stride } = shape;
  const pad = pads(shape);
  const [N, D, H, W] = input as [number, number, number, number];
  const [, oD, oH, oW] = output as [number, number, number, number];
  for (let n = 0; n < N; n++)
    for (let d = 0; d < oD; d++)
      for (let h = 0; h < oH; h++)
        for (let w = 0; w < oW; w++)
          for (let t = 0; t < kernel[0] * kernel[1] * kernel[2]; t++) {
            const z = d * stride[0] - pad[0]! + Math.floor(t / (kernel[1] * kernel[2]));
            const y = h * stride[1] - pad[1]! + (Math.floor(t / kernel[2]) % kernel[1]);
            const x = w * stride[2] - pad[2]! + (t % kernel[2]);
            if (z < 0 || z >= D || y < 0 || y >= H || x < 0 || x >= W) continue;
            visit(((n * oD + d) * oH + h) * oW + w, ((n * D + z) * H + y) * W + x, t);
          }
}

/** weight [Cout, Cin, kD, kH, kW] */
export function forward(input: Reference, weight: Reference, bias: Reference | undefined, shape: ConvShape) {
  const [N, D, H, W, Cin] = input.shape as [number, number, number, number, number];
  const Cout = weight.shape[0]!;
  const taps = shape.kernel.reduce((a, b) => a * b, 1);
  const pad = pads(shape);
  const size = [D, H, W].map(
    (n, i) => Math.floor((n + 2 * pad[i]! - shape.kernel[i]!) / shape.stride[i]!) + 1,
  );
  const output = reference([N, ...size, Cout]);
  if (bias) for (let i = 0; i < output.data.length; i++) output.data[i] = bias.data[i % Cout]!;
  products(input.shape, output.shape, shape, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++)
        output.data[o * Cout + co]! += weight.data[(co * Cin + ci) * taps + t]! * input.data[i * Cin + ci]!;
  });
  return output;
}

export function backward(input: Reference, weight: Reference, dOutput: Reference, shape: ConvShape) {
  const Cin = input.shape[4]!;
  const Cout = weight.shape[0]!;
  const taps = shape.kernel.reduce((a, b) => a * b, 1);
  const dInput = reference(input.shape);
  const dWeight = reference(weight.shape);
  const dBias = reference([Cout]);
  dOutput.data.forEach((g, i) => {
    dBias.data[i % Cout]! += g;
  });
  products(input.shape, dOutput.shape, shape, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++) {
        const w = (co * Cin + ci) * taps + t;
        dInput.data[i * Cin + ci]! += weight.data[w]! * dOutput.data[o * Cout + co]!;
        dWeight.data[w]! += input.data[i * Cin + ci]! * dOutput.data[o * Cout + co]!;
      }
  });
  return { dInput, dWeight, dBias };
}
