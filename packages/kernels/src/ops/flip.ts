/**
 * Mirrors a volume along chosen axes: image (f32) or labels (u8).
 *
 *   output[d, h, w] = input[d or D−1−d, h or H−1−h, w or W−1−w]
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';

/** Both [D, H, W] and each within one binding, as patches are. */
export function flip(
  gpu: Gpu,
  { input, output, axes }: { input: Tensor; output: Tensor; axes: readonly [boolean, boolean, boolean] },
): Launch[] {
  const [depth, height, width] = input.shape as [number, number, number];
  const packed = input.dtype === 'u8';
  const count = elementCount(input.shape);
  const flag = (axis: number) => u32(axes[axis] ? 1 : 0);
  return [
    prepare(gpu, {
      name: 'flip',
      read: { x: input },
      write: { y: output },
      params: {
        count: u32(count),
        depth: u32(depth),
        height: u32(height),
        width: u32(width),
        flipD: flag(0),
        flipH: flag(1),
        flipW: flag(2),
      },
      code: `
fn source(i: u32) -> u32 {
  let w = i % p.width;
  let h = (i / p.width) % p.height;
  let d = i / (p.width * p.height);
  return (select(d, p.depth - 1u - d, p.flipD == 1u) * p.height + select(h, p.height - 1u - h, p.flipH == 1u)) * p.width
    + select(w, p.width - 1u - w, p.flipW == 1u);
}
@compute @workgroup_size(64) fn main(id: Id) {
  let i = invocation(id);
  ${
    packed
      ? `if (4u * i >= p.count) { return; }
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    let at = source(min(4u * i + k, p.count - 1u));
    word |= ((x[at / 4u] >> (8u * (at % 4u))) & 255u) << (8u * k);
  }
  y[i] = word;`
      : `if (i >= p.count) { return; }
  y[i] = x[source(i)];`
  }
}`,
      invocations: packed ? Math.ceil(count / 4) : count,
    }),
  ];
}
