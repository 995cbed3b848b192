/** Twin of `ops/avgPool3d.ts`. */
import type { Dhw } from '../axes.ts';
import { type Reference, reference } from './array.ts';

/** Calls `visit(fine, coarse)` for every element of the fine tensor and that of the coarse one whose block holds it. */
function elements(
  [N, D, H, W, C]: readonly number[],
  [sD, sH, sW]: Dhw,
  visit: (fine: number, coarse: number) => void,
): void {
  let fine = 0;
  for (let n = 0; n < N!; n++)
    for (let d = 0; d < D! * sD; d++)
      for (let h = 0; h < H! * sH; h++)
        for (let w = 0; w < W! * sW; w++) {
          const voxel = ((n * D! + Math.floor(d / sD)) * H! + Math.floor(h / sH)) * W! + Math.floor(w / sW);
          for (let c = 0; c < C!; c++) visit(fine++, voxel * C! + c);
        }
}

export function forward(input: Reference, stride: Dhw): Reference {
  const [N, D, H, W, C] = input.shape as [number, number, number, number, number];
  const output = reference([N, D / stride[0], H / stride[1], W / stride[2], C]);
  const share = 1 / (stride[0] * stride[1] * stride[2]);
  elements(output.shape, stride, (fine, coarse) => {
    output.data[coarse]! += input.data[fine]! * share;
  });
  return output;
}

export function backward(input: readonly number[], dOutput: Reference, stride: Dhw): Reference {
  const dInput = reference(input);
  const share = 1 / (stride[0] * stride[1] * stride[2]);
  elements(dOutput.shape, stride, (fine, coarse) => {
    dInput.data[fine] = dOutput.data[coarse]! * share;
  });
  return dInput;
}
