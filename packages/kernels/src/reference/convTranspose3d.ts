/** Twin of `ops/convTranspose3d.ts`. */
import { type Reference, reference } from './array.ts';

/** Calls `visit(outVoxel, inVoxel, tap)` for every product, channels left at 0. */
function products(
  input: readonly number[],
  stride: readonly number[],
  visit: (outVoxel: number, inVoxel: number, tap: number) => void,
): void {
  const [N, D, H, W] = input as [number, number, number, number];
  const [sD, sH, sW] = stride as [number, number, number];
  for (let i = 0; i < N * D * H * W; i++) {
    const [n, d, h, w] = [
      Math.floor(i / (D * H * W)),
      Math.floor(i / (H * W)) % D,
      Math.floor(i / W) % H,
      i % W,
    ];
    for (let t = 0; t < sD * sH * sW; t++) {
      const z = d * sD + Math.floor(t / (sH * sW));
      const y = h * sH + (Math.floor(t / sW) % sH);
      const x = w * sW + (t % sW);
      visit(((n * D * sD + z) * H * sH + y) * W * sW + x, i, t);
    }
  }
}

/** weight [Cin, Cout, sD, sH, sW], bias [Cout] */
export function forward(input: Reference, weight: Reference, bias?: Reference): Reference {
  const [Cin, Cout, ...stride] = weight.shape as [number, number, ...number[]];
  const [N, ...size] = input.shape.slice(0, 4) as [number, ...number[]];
  const taps = stride.reduce((a, b) => a * b, 1);
  const output = reference([N, ...size.map((n, i) => n * stride[i]!), Cout]);
  if (bias) for (let i = 0; i < output.data.length; i++) output.data[i] = bias.data[i % Cout]!;
  products(input.shape, stride, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++)
        output.data[o * Cout + co]! += weight.data[(ci * Cout + co) * taps + t]! * input.data[i * Cin + ci]!;
  });
  return output;
}

export function backward(input: Reference, weight: Reference, dOutput: Reference) {
  const [Cin, Cout, ...stride] = weight.shape as [number, number, ...number[]];
  const taps = stride.reduce((a, b) => a * b, 1);
  const dInput = reference(input.shape);
  const dWeight = reference(weight.shape);
  const dBias = reference([Cout]);
  dOutput.data.forEach((g, i) => {
    dBias.data[i % Cout]! += g;
  });
  products(input.shape, stride, (o, i, t) => {
    for (let co = 0; co < Cout; co++)
      for (let ci = 0; ci < Cin; ci++) {
        const w = (ci * Cout + co) * taps + t;
        dInput.data[i * Cin + ci]! += weight.data[w]! * dOutput.data[o * Cout + co]!;
        dWeight.data[w]! += input.data[i * Cin + ci]! * dOutput.data[o * Cout + co]!;
      }
  });
  return { dInput, dWeight, dBias };
}
