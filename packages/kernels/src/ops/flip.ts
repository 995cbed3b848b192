/**
 * Mirrors a volume along chosen axes: image (f32) or labels (u8).
 *
 *   output[d, h, w] = input[d or D−1−d, h or H−1−h, w or W−1−w]
 */
import type { Gpu } from '../device.ts';
import { type Launch, prepare, u32 } from '../kernel.ts';
import { elementCount, type Tensor } from '../tensor.ts';
import { viewElements, viewOf } from '../views.ts';

/** The launches for two tensors [D, H, W], of which two planes of H × W must fit a binding. */
export function flip(
  gpu: Gpu,
  { input, output, axes }: { input: Tensor; output: Tensor; axes: readonly [boolean, boolean, boolean] },
): Launch[] {
  const [depth, height, width] = input.shape as [number, number, number];
  const plane = height * width;
  const packed = input.dtype === 'u8';
  const count = elementCount(input.shape);
  const flag = (axis: number) => u32(axes[axis] ? 1 : 0);
  // A range of the output begins and ends inside planes, of which the input's view holds the whole.
  const most = Math.floor((viewElements(gpu, input) - 2 * plane) / 256) * 256;
  if (most < 256) throw new Error(`flip: two planes of [${input.shape}] do not fit a binding`);
  const launches: Launch[] = [];
  for (let start = 0; start < count; start += most) {
    const end = Math.min(count, start + most);
    const [firstPlane, lastPlane] = [Math.floor(start / plane), Math.ceil(end / plane)];
    const from = axes[0] ? depth - lastPlane : firstPlane;
    const x = viewOf(input, from * plane, (from + lastPlane - firstPlane) * plane);
    launches.push(
      prepare(gpu, {
        name: 'flip',
        read: { x },
        write: { y: { tensor: output, start, count: end - start } },
        params: {
          start: u32(start),
          count: u32(end - start),
          firstElement: u32(from * plane - x.shift),
          depth: u32(depth),
          height: u32(height),
          width: u32(width),
          flipD: flag(0),
          flipH: flag(1),
          flipW: flag(2),
        },
        code: `
fn source(i: u32) -> u32 { // the element of the input's view that belongs to the i-th of the range
  let w = (p.start + i) % p.width;
  let h = ((p.start + i) / p.width) % p.height;
  let d = (p.start + i) / (p.width * p.height);
  let row = select(d, p.depth - 1u - d, p.flipD == 1u) * p.height + select(h, p.height - 1u - h, p.flipH == 1u);
  return row * p.width + select(w, p.width - 1u - w, p.flipW == 1u) - p.firstElement;
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
        invocations: packed ? Math.ceil((end - start) / 4) : end - start,
      }),
    );
  }
  return launches;
}
