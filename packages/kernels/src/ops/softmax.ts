/**
 * Softmax over the channels of each voxel.
 *
 *   p_c = exp(z_c − max z) / Σ_k exp(z_k − max z)
 *   dz_c = p_c·(dp_c − Σ_k dp_k·p_k)
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { rowRanges, viewOf } from '../views.ts';
import { lines, range } from './wgsl.ts';

/**
 * WGSL that takes the logits of the voxel at `at` in array `z` to probabilities p0 … p{C−1}; also leaves `top`
 * (the largest logit) and `total` (the sum of exponentials). Unrolled: private arrays are slow on many devices.
 */
export const softmaxOf = (classes: number, z: string): string => `
  ${lines(classes, (c) => `let z${c} = f32(${z}[at + ${c}u]);`)}
  var top = z0;
  ${lines(classes - 1, (c) => `top = max(top, z${c + 1});`)}
  ${lines(classes, (c) => `let e${c} = exp(z${c} - top);`)}
  let total = ${range(classes)
    .map((c) => `e${c}`)
    .join(' + ')};
  ${lines(classes, (c) => `let p${c} = e${c} / total;`)}`;

/** The launches that take logits [..., C] to probabilities of the same shape. */
export function forward(gpu: Gpu, { input, output }: { input: Tensor; output: Tensor }): Launch[] {
  const classes = input.shape.at(-1)!;
  return perVoxel(
    gpu,
    'softmax',
    { read: { z: input }, write: { y: output } },
    `
  ${softmaxOf(classes, 'z')}
  ${lines(classes, (c) => `y[at + ${c}u] = y_t(p${c});`)}`,
  );
}

/** The launches of backward, which reads the output and not the logits; dInput is assigned. */
export function backward(
  gpu: Gpu,
  { output, dOutput, dInput }: { output: Tensor; dOutput: Tensor; dInput: Tensor },
): Launch[] {
  const classes = output.shape.at(-1)!;
  return perVoxel(
    gpu,
    'softmax.dInput',
    { read: { y: output, dy: dOutput }, write: { dx: dInput } },
    `
  ${lines(classes, (c) => `let p${c} = f32(y[at + ${c}u]); let g${c} = f32(dy[at + ${c}u]);`)}
  let mean = ${range(classes)
    .map((c) => `p${c} * g${c}`)
    .join(' + ')};
  ${lines(classes, (c) => `dx[at + ${c}u] = dx_t(p${c} * (g${c} - mean));`)}`,
  );
}

interface Tensors {
  readonly read: Record<string, Tensor>;
  readonly write: Record<string, Tensor>;
}

function perVoxel(gpu: Gpu, name: string, { read, write }: Tensors, body: string): Launch[] {
  const all = [...Object.values(read), ...Object.values(write)];
  const channels = all[0]!.shape.at(-1)!;
  const voxels = elementCount(all[0]!.shape) / channels;
  const rows = all.map((tensor) => ({ tensor, rowElements: channels }));
  return rowRanges(gpu, voxels, rows).map(([start, end]) => {
    const view = (tensor: Tensor) => viewOf(tensor, start * channels, end * channels);
    const views = (tensors: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, view(tensor)]));
    return prepare(gpu, {
      name,
      read: views(read),
      write: views(write),
      params: { voxels: u32(end - start), shift: u32(view(all[0]!).shift) },
      code: `
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (i >= p.voxels) { return; }
  let at = p.shift + i * ${channels}u;
  ${body}
}`,
      invocations: end - start,
    });
  });
}
