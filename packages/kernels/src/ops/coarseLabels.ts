/**
 * Labels at a lower resolution, for the outputs of deep supervision: the middle voxel of each block, the later of
 * two middles.
 *
 *   output[n, d, h, w] = input[n, s_D·d + ⌊s_D/2⌋, s_H·h + ⌊s_H/2⌋, s_W·w + ⌊s_W/2⌋]
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';

/** The launches for two tensors u8 [N, D, H, W, 1], both bound whole; the output's sizes divide the input's. */
export function coarseLabels(gpu: Gpu, { input, output }: { input: Tensor; output: Tensor }): Launch[] {
  const [, inDepth, inHeight, inWidth] = input.shape as [number, number, number, number];
  const [, depth, height, width] = output.shape as [number, number, number, number];
  const count = elementCount(output.shape);
  return [
    prepare(gpu, {
      name: 'coarseLabels',
      read: { x: input },
      write: { y: output },
      params: {
        count: u32(count),
        depth: u32(depth),
        height: u32(height),
        width: u32(width),
        strideD: u32(inDepth / depth),
        strideH: u32(inHeight / height),
        strideW: u32(inWidth / width),
      },
      code: `
fn source(i: u32) -> u32 {
  let w = i % p.width * p.strideW + p.strideW / 2u;
  let h = i / p.width % p.height * p.strideH + p.strideH / 2u;
  let plane = i / (p.width * p.height);
  let d = plane % p.depth * p.strideD + p.strideD / 2u;
  let n = plane / p.depth;
  return ((n * p.depth * p.strideD + d) * p.height * p.strideH + h) * p.width * p.strideW + w;
}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  if (4u * i >= p.count) { return; }
  var word = 0u; // four labels
  for (var k = 0u; k < 4u; k++) {
    let at = source(min(4u * i + k, p.count - 1u));
    word |= ((x[at / 4u] >> (8u * (at % 4u))) & 255u) << (8u * k);
  }
  y[i] = word;
}`,
      invocations: Math.ceil(count / 4),
    }),
  ];
}
